"""SQL functions whose body is text: their trees, where what the text means is certain.

``language sql as '...'`` is parsed again whenever it runs, with the search path of that moment, so that it proves
nothing, unless the function sets its own: ``set search_path = app`` (manual sections 36.5 and 5.10.6, CREATE FUNCTION).
Then the body of a temporary function with the same arguments, analysed with the same path, has the same tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import asyncpg
import msgspec

from assay.catalog.model import Function
from assay.catalog.queries import qualified
from assay.catalog.reader import Catalog
from assay.proof.session import Session

_PATH = "search_path="
_VARIES = "$user"
"""Stands for a schema of whoever runs the function."""


async def read_text_bodies(session: Session, catalog: Catalog, oids: Iterable[int]) -> None:
    """Give the functions among these whose text has one meaning the tree of it; each is tried once for a catalog."""
    for oid in sorted(set(oids) - catalog.text_bodies):
        function = catalog.functions.get(oid)
        if function is not None and _has_one_meaning(function) and not catalog.read_by_users:
            catalog.text_bodies.add(oid)
            catalog.functions[oid] = replace(function, body=await _tree(session, function))


def _has_one_meaning(function: Function) -> bool:
    path = function.settings[0] if len(function.settings) == 1 else ""
    return (
        (function.language, function.kind, function.body, function.builtin) == ("sql", "f", "", False)
        and function.only_input
        and path.startswith(_PATH)
        and _VARIES not in path
    )


async def _tree(session: Session, function: Function) -> str:
    """The text of the tree; empty where the text has none, or is not valid."""
    arguments = msgspec.json.decode(await session.text(_ARGUMENTS, [function.oid]) or "[]")
    try:
        async with session.undone():
            await session.text(_SET_PATH, function.settings[0].removeprefix(_PATH))
            return await session.body(function.source, arguments)
    except asyncpg.PostgresError:
        return ""


_SET_PATH = """
-- The path that the function has while it runs; checks of the new body are off already.
select pg_catalog.set_config('search_path', $1::pg_catalog.text, true)
"""
_ARGUMENTS = qualified("""
-- The arguments of a function as they are declared: their names, and their types with the schemas of these.
select pg_catalog.json_agg(
    pg_catalog.concat(
        case when p.proargnames[u.n] <> '' then pg_catalog.concat(pg_catalog.quote_ident(p.proargnames[u.n]), ' ') end,
        pg_catalog.format('%I.%I', s.nspname, t.typname)) order by u.n)::pg_catalog.text
from pg_catalog.pg_proc p, pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) with ordinality u (t, n)
join pg_catalog.pg_type t on t.oid = u.t join pg_catalog.pg_namespace s on s.oid = t.typnamespace
where p.oid = any($1::pg_catalog.oid[])
""")
