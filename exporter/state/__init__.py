"""The state: daily facts, accounts and polls in SQLite or PostgreSQL."""
