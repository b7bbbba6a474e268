"""A name that an extension brings is told with the extension."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from assay.catalog.extensions import EXTENSION_OF, missing_extension
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import run

BROUGHT = """
    select coalesce(p.proname, t.typname, c.relname, o.opcname)::text
    from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
    left join pg_proc p on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    left join pg_type t on d.classid = 'pg_type'::regclass and d.objid = t.oid
    left join pg_class c on d.classid = 'pg_class'::regclass and d.objid = c.oid
    left join pg_opclass o on d.classid = 'pg_opclass'::regclass and d.objid = o.oid
    where d.deptype = 'e' and e.extname = $1
"""


@pytest.mark.parametrize("extension", sorted(set(EXTENSION_OF.values())))
async def test_extension_brings_the_names_listed(driver: asyncpg.Connection, extension: str) -> None:
    if not await driver.fetchval("select exists (select from pg_available_extensions where name = $1)", extension):
        pytest.skip(f"{extension} is not offered by this server")
    await driver.execute(f'create extension "{extension}" cascade')
    brought = {row[0] for row in await driver.fetch(BROUGHT, extension)}
    assert {name for name, of in EXTENSION_OF.items() if of == extension} <= brought


@pytest.mark.parametrize(
    ("statement", "extension"),
    [
        ("create index on t using gin (name gin_trgm_ops)", "pg_trgm"),
        ("select crypt('a', gen_salt('bf'))", "pgcrypto"),
        ("alter table t add id uuid default uuid_generate_v4()", '"uuid-ossp"'),
        ("alter table t add email citext", "citext"),
    ],
)
async def test_failed_migration_tells_the_extension(
    database: DatabaseUrl, tmp_path: Path, statement: str, extension: str
) -> None:
    (tmp_path / "1_first.sql").write_text(f"create table t (name text);\n{statement};\n")
    with pytest.raises(MigrationError, match=f"create extension if not exists {extension}, in a migration"):
        await run(database, tmp_path)


async def test_extension_that_the_server_lacks_asks_for_another_server(database: DatabaseUrl, tmp_path: Path) -> None:
    (tmp_path / "1_first.sql").write_text("create extension unheard_of")
    with pytest.raises(
        MigrationError, match="was installed without unheard_of: use one that has it, by --database-url"
    ):
        await run(database, tmp_path)


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [
        ("42883", "function similarly(text) does not exist"),
        ("42703", 'column "hstore" does not exist'),
        ("42601", 'syntax error at or near "type"'),
        (None, 'type "citext" does not exist'),
    ],
)
def test_other_errors_tell_none(sqlstate: str | None, message: str) -> None:
    assert missing_extension(sqlstate, message) is None
