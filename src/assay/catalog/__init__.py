"""pg_catalog read into frozen dataclasses."""
