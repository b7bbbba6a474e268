"""The embedded PostgreSQL server and its template databases."""
