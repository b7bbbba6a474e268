"""``assay schema lint``: what in a schema is redundant, missing or open, each with the SQL that mends it."""
