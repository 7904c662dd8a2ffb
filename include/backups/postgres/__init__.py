"""The engine for PostgreSQL: dumps and base backups, and all that restores and verifies a database."""
