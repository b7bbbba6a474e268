"""``assay stats``: what a server says of its tables, indexes, sessions and statements, section by section."""
