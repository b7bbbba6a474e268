"""Values between PostgreSQL's forms and the Python values that asyncpg has for them.

psycopg's own loaders and dumpers go by other classes (its ranges, its composites, times in the session's zone) and by
the Python type of an argument. Here everything goes by the type that the server names, and comes out as on the async
surface.
"""
