"""The list that ``assay prepare`` writes has the statements that a pool runs, and those only that change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl
from assay.migrate import fingerprint, load
from assay.runtime.dynamic import query_for
from assay.runtime.query import Query
from assay.runtime.replicas.proven import Proven, find, read
from assay.sql.omit import OMIT

SEARCH = "select id from person where true [[ and name = :name ]] [[ and level = :level ]] order by {order}"
CODE = f'''
from typing import Literal

import assay
from assay import OMIT, Omitted


async def search(db: assay.Executor, name: str | Omitted, level: str | Omitted, order: Literal["id", "name"]) -> list[int]:
    return await db.fetch_all(int, "{SEARCH}", name=name, level=level, order=order)


async def others(db: assay.Executor) -> None:
    await db.fetch_all(int, "select id from person for update")
    await db.fetch_all(int, "select nextval('number')")
    await db.fetch_all(int, "insert into team values (1, 'a') returning id")
    await db.fetch_all(int, "select bump()")
    await db.fetch_all(int, "select doubled(id) from person")
    await db.fetch_all(int, "select pg_current_wal_lsn() is null from person where id = $1", 1)
    await db.execute("listen news")
'''
MORE = """
create sequence number;
create function bump() returns int language plpgsql as $$ begin insert into team values (9, 'x'); return 1; end $$;
create function doubled(n int) returns int language sql return n * 2;
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    made = make_project(tmp_path, server_18)
    made.write("migrations/20250101000003_more.sql", MORE)
    made.write("src/app/more.py", CODE)
    done = made.run("prepare", "--database-url", made.server.reveal())
    assert (done.code, done.err) == (0, "")
    return made


def test_every_variant_that_a_pool_can_run_is_on_the_list(project: Project) -> None:
    path = find(project.root / "src")
    assert path is not None
    proven = Proven(read(path))
    for name in ("Ann", OMIT):
        for level in ("high", OMIT):
            for order in ("id", "name"):
                query, _ = query_for(SEARCH).bind((), {"name": name, "level": level, "order": order})
                assert proven[query], query.statement.text
    query, _ = query_for(SEARCH).bind((), {"name": "Ann", "level": OMIT, "order": "id desc"})
    assert not proven[query]


def test_list_is_for_the_migrations_of_the_project(project: Project) -> None:
    proofs = read(project.root / ".assay" / "read-only.json")
    assert proofs.migrations == fingerprint(load(project.root / "migrations"))
    assert len(proofs.hashes) == 12, "eight variants, three queries of the small project, and the SQL function"


NOT_ON_IT = [
    "select id from person for update",
    "select nextval('number')",
    "insert into team values (1, 'a') returning id",
    "select bump()",
    "select pg_current_wal_lsn() is null from person where id = $1",
    "listen news",
    "update person set name = :name where id = :id",
]


def test_what_locks_writes_or_may_do_so_is_not_on_the_list(project: Project) -> None:
    proven = Proven(read(project.root / ".assay" / "read-only.json"))
    on_it = ["select doubled(id) from person", "select count(*) from person"]
    found = [sql for sql in (*NOT_ON_IT, *on_it) if isinstance(query := query_for(sql), Query) and proven[query]]
    assert found == on_it
