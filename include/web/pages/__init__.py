"""The pages of the desk, one subject a module: its routes, and what it reads for its template."""
