"""Whether a saved picture is what its text chunks say."""
