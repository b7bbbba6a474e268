"""Row classes for the tables of a database, and modules of typed functions with the SQL to read and write them."""
