"""The engine for PostgreSQL: dumps and base backups, and all that restores and proves a database."""
