"""The database: tables, SQLite's file, aliases, the audit log. Object storage is in `models.bucket`."""
