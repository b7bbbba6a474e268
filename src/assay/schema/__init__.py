"""A database's schema as a whole: written out, compared, drawn."""
