"""Which extension brings a name that a database does not know.

A schema often grew on a server where somebody once ran CREATE EXTENSION by hand. Then the first thing that a fresh
server says is that an operator class or a function does not exist, which is true and of little help.

Source: PostgreSQL's manual, appendix F; the manuals of pgvector and PostGIS.
"""

from __future__ import annotations

import re

_BROUGHT = {
    "btree_gist": "gist_int4_ops gist_int8_ops gist_text_ops gist_uuid_ops gist_date_ops gist_timestamptz_ops",
    "citext": "citext",
    "cube": "cube cube_distance gist_cube_ops",
    "dblink": "dblink dblink_connect dblink_exec",
    "earthdistance": "earth earth_box earth_distance ll_to_earth",
    "fuzzystrmatch": "levenshtein levenshtein_less_equal metaphone dmetaphone soundex",
    "hstore": "hstore hstore_to_json hstore_to_jsonb akeys avals skeys svals gin_hstore_ops",
    "intarray": "gin__int_ops gist__int_ops gist__intbig_ops query_int icount",
    "isn": "isbn isbn13 issn ismn ean13 upc",
    "ltree": "ltree lquery ltxtquery subltree nlevel gist_ltree_ops",
    "pg_stat_statements": "pg_stat_statements pg_stat_statements_info pg_stat_statements_reset",
    "pg_trgm": "gin_trgm_ops gist_trgm_ops similarity word_similarity strict_word_similarity show_trgm",
    "pgcrypto": "crypt gen_salt gen_random_bytes digest hmac armor dearmor pgp_sym_encrypt pgp_sym_decrypt "
    "pgp_pub_encrypt pgp_pub_decrypt",
    "postgis": "geometry geography st_point st_makepoint st_setsrid st_dwithin st_distance st_contains st_intersects",
    "tablefunc": "crosstab connectby normal_rand",
    "unaccent": "unaccent",
    "uuid-ossp": "uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil",
    "vector": "vector halfvec sparsevec vector_l2_ops vector_ip_ops vector_cosine_ops l2_distance cosine_distance",
}

EXTENSION_OF = {name: extension for extension, names in _BROUGHT.items() for name in names.split()}
"""The extension by the name of a type, function, view or operator class that it brings."""

_OBJECT = re.compile(r'(?:type|function|relation|operator class) "?(?:\w+\.)?(\w+)', re.IGNORECASE)

UNDEFINED = frozenset({"42P01", "42704", "42883"})
"""Undefined table, object (a type, an operator class) and function."""


_UNAVAILABLE = re.compile(r'extension "(.+)" is not available')


def missing_extension(sqlstate: str | None, message: str) -> str | None:
    """What to do where a server lacks an extension, or a name that a well-known one brings; None for other errors.

    Args:
        sqlstate: of the server's error.
        message: of the server's error, in English.
    """
    if sqlstate == "0A000" and (lacking := _UNAVAILABLE.search(message)):
        return (
            f"this server was installed without {lacking[1]}: use one that has it, by --database-url, "
            'or by server = "17" in pyproject.toml for a PostgreSQL 17 of the system'
        )
    if sqlstate not in UNDEFINED or (named := _OBJECT.search(message)) is None:
        return None
    extension = EXTENSION_OF.get(named[1].lower())
    if extension is None:
        return None
    quoted = extension if extension.isidentifier() else f'"{extension}"'
    return f"it comes with the extension {extension}: create extension if not exists {quoted}, in a migration"
