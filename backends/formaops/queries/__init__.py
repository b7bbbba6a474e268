"""One module a table: typed functions, each with its SQL."""
