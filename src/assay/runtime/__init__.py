"""Statements sent to the server and rows built from its answers."""
