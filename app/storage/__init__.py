"""The job store: tables, SQLite's file, aliases, the audit log."""
