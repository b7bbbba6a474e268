"""The sync surface, on psycopg 3: the twin of the async one; what is not input or output is the same code."""
