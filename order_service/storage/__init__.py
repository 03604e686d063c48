"""Where orders are kept: SQLite or PostgreSQL, one schema, one path of code for both."""
