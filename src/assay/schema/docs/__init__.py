"""A static site about a database: its tables, types, functions and diagram, and the queries of the code on them."""
