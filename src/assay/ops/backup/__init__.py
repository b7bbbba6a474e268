"""Backups: a database written to a store by pg_dump, checked, kept for a while, and restored by pg_restore."""
