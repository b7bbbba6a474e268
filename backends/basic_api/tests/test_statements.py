"""Line 7: prepared statements, and migrations with checksums; every query proven."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from backends.basic_api.models import NewUser
from backends.basic_api.queries import users
from backends.basic_api.tests.conftest import BACKEND, MIGRATIONS
from backends.common.testing import run_assay

import assay
from assay.config import DatabaseUrl


async def test_line_7_every_statement_is_prepared(assay_db: assay.Connection) -> None:
    ada = await users.add(assay_db, NewUser("Ada", "ada@example.com"))
    await users.by_id(assay_db, ada.id)
    await users.by_email(assay_db, ada.email)
    await users.newest(assay_db, before=assay.OMIT, since=assay.OMIT, limit=1)
    await users.change(assay_db, ada.id, name="A", email=assay.OMIT)
    await users.remove(assay_db, ada.id)
    kept = await assay_db.fetch_all(str, "select statement from pg_prepared_statements where statement like '%users%'")
    assert len([text for text in kept if "pg_prepared_statements" not in text]) == 6


async def test_line_7_an_edited_migration_is_refused_by_name(database: DatabaseUrl, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))
    await assay.migrate.run(database, folder)
    with (folder / "20250201000001_create_users.up.sql").open("a") as file:
        file.write("create table more (id int);\n")
    with pytest.raises(assay.MigrationError, match="20250201000001_create_users"):
        await assay.migrate.run(database, folder)


def test_every_query_is_proven(server: DatabaseUrl) -> None:
    done = run_assay(BACKEND, "check", "--database-url", server.reveal())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Proved 7 of 7 queries against PostgreSQL")


async def test_seeding_twice_changes_nothing(migrated: DatabaseUrl) -> None:
    from assay.ops.seed import load, seed_files

    for rows in (3, 0):
        assert [one.rows async for one in load(migrated, seed_files(BACKEND / "seeds"))] == [rows]
