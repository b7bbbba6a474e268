"""Migrations: files, ledger, lock and runner."""
