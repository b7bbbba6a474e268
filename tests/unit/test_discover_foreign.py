"""Calls of other libraries, in code that has never heard of Assay."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from assay.proof.discover import discover
from assay.proof.discover.libraries import Owner
from assay.proof.discover.model import Call, Sql


def found(folder: Path, code: str, **more: str) -> tuple[Call, ...]:
    """The calls in one module of a project."""
    for name, text in {"m": code, **more}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return tuple(call for call in discover(folder, [folder]).calls if call.place.path == "m.py")


def told(calls: tuple[Call, ...]) -> list[tuple[Owner, str]]:
    """Whose each call is, and its statement, or why it has none."""
    return [(call.surface.owner, call.sql.text if isinstance(call.sql, Sql) else call.sql.why) for call in calls]


A, P, P2, S, D = Owner.ASYNCPG, Owner.PSYCOPG, Owner.PSYCOPG2, Owner.SQLALCHEMY, Owner.DATABASES

COUNTS: dict[str, tuple[Owner, str]] = {
    "sqlalchemy: text() beside psycopg2": (
        S,
        """
        import psycopg2
        from sqlalchemy import text
        def f(x):
            q = "select 1"
            x.execute(text(q), {"a": 1})
        """,
    ),
    "psycopg2: SQL() beside sqlalchemy": (
        P2,
        """
        import sqlalchemy
        from psycopg2.sql import SQL
        def f(x):
            x.execute(SQL("select 1"), {"a": 1})
        """,
    ),
    "asyncpg: a connection": (A, 'import asyncpg\nasync def f(x: asyncpg.Connection): await x.fetch("select 1")'),
    "asyncpg: a pool": (A, 'import asyncpg\nasync def f(x: "asyncpg.Pool | None"): await x.fetchrow("select 1")'),
    "asyncpg: connected": (
        A,
        """
        import asyncpg
        async def f():
            x = await asyncpg.connect("u")
            await x.fetchval("select 1", column=0, timeout=3)
        """,
    ),
    "asyncpg: acquired": (
        A,
        """
        from asyncpg import create_pool
        async def f():
            async with create_pool("u") as pool:
                async with pool.acquire() as x:
                    await x.execute("select 1")
        """,
    ),
    "asyncpg: an attribute that is None at first": (
        A,
        """
        import asyncpg
        class R:
            def __init__(self):
                self.pool = None
            async def open(self):
                self.pool = await asyncpg.create_pool("u")
            async def f(self):
                await self.pool.fetch("select 1")
        """,
    ),
    "asyncpg: prepared": (A, 'import asyncpg\nasync def f(x: asyncpg.Connection): await x.prepare("select 1")'),
    "asyncpg: a cursor": (
        A,
        """
        import asyncpg
        async def f(x: asyncpg.Connection):
            async for row in x.cursor("select 1"): ...
        """,
    ),
    "asyncpg: copied": (
        A,
        'import asyncpg\nasync def f(x: asyncpg.Connection): await x.copy_from_query("select 1", output="f")',
    ),
    "asyncpg: by keyword": (A, 'import asyncpg\nasync def f(x: asyncpg.Pool): await x.fetch(query="select 1")'),
    "asyncpg: either of two": (
        A,
        """
        import asyncpg
        from asyncpg.pool import PoolConnectionProxy
        async def f(x: asyncpg.Connection | PoolConnectionProxy):
            await x.fetch("select 1")
        """,
    ),
    "asyncpg: unknown, where it is imported": (A, 'import asyncpg\nasync def f(x): await x.fetch("select 1")'),
    "asyncpg: unknown, imported in a function": (
        A,
        'async def f(x):\n    import asyncpg\n    await x.fetchrow("select 1")',
    ),
    "asyncpg: a protocol of the project": (
        A,
        """
        import asyncpg
        from typing import Protocol
        class Queryable(Protocol):
            async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]: ...
        async def f(x: Queryable):
            await x.fetch("select 1")
        """,
    ),
    "asyncpg: by its method alone": (A, 'async def f(request): await request.app.pool.fetchrow("select 1")'),
    "psycopg: a connection": (P, 'import psycopg\ndef f(x: psycopg.Connection): x.execute("select 1")'),
    "psycopg: a cursor": (
        P,
        """
        import psycopg
        with psycopg.connect("u") as conn, conn.cursor(row_factory=dict_row) as x:
            x.execute("select 1")
        """,
    ),
    "psycopg: an asynchronous pool": (
        P,
        """
        from psycopg_pool import AsyncConnectionPool
        pool = AsyncConnectionPool("u")
        async def f():
            async with pool.connection() as conn:
                async with conn.cursor() as x:
                    await x.execute("select 1")
        """,
    ),
    "psycopg: opened by a class": (
        P,
        """
        import psycopg
        async def f():
            async with await psycopg.AsyncConnection.connect("u") as x:
                await x.execute("select 1")
        """,
    ),
    "psycopg: streamed": (P, 'import psycopg\ndef f(x: psycopg.Cursor): list(x.stream("select 1"))'),
    "psycopg: a generic annotation": (
        P,
        'from psycopg import Cursor\ndef f(x: "Cursor[tuple[int]]"): x.execute("select 1")',
    ),
    "psycopg: unknown": (P, 'import psycopg\ndef f(cur): cur.execute("select 1")'),
    "psycopg2: a cursor": (
        P2,
        """
        import psycopg2
        conn = psycopg2.connect("u")
        with conn:
            with conn.cursor() as x:
                x.execute("select 1")
        """,
    ),
    "psycopg2: an annotated cursor": (
        P2,
        'from psycopg2.extensions import cursor\ndef f(x: cursor): x.execute("select 1")',
    ),
    "psycopg2: from a pool": (
        P2,
        """
        import psycopg2.pool
        from contextlib import closing
        pool = psycopg2.pool.ThreadedConnectionPool(1, 2, "u")
        def f():
            conn = pool.getconn()
            with closing(conn.cursor()) as x:
                x.execute("select 1")
        """,
    ),
    "sqlalchemy: a connection": (
        S,
        """
        from sqlalchemy import create_engine, text
        engine = create_engine("u")
        with engine.connect() as x:
            x.execute(text("select 1"))
        """,
    ),
    "sqlalchemy: a session": (
        S,
        """
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import AsyncSession
        async def f(x: AsyncSession): await x.scalars(text("select 1"))
        """,
    ),
    "sqlalchemy: a session of a factory": (
        S,
        """
        import sqlalchemy as sa
        from sqlalchemy.orm import sessionmaker
        Session = sessionmaker(sa.create_engine("u"))
        def f():
            with Session.begin() as x:
                x.execute(sa.text("select 1"))
        """,
    ),
    "sqlalchemy: a factory called": (
        S,
        """
        import sqlalchemy as sa
        from sqlalchemy.orm import sessionmaker
        Session = sessionmaker(sa.create_engine("u"))
        def f():
            x = Session()
            x.scalar(sa.text("select 1"))
        """,
    ),
    "sqlalchemy: flask": (
        S,
        """
        from flask_sqlalchemy import SQLAlchemy
        from sqlalchemy import text
        db = SQLAlchemy()
        def f(): db.session.execute(text("select 1"))
        """,
    ),
    "sqlalchemy: a text kept in a name": (
        S,
        """
        from sqlalchemy import text
        QUERY = text("select 1").columns()
        def f(session): session.execute(QUERY)
        """,
    ),
    "sqlalchemy: a session of fastapi": (
        S,
        """
        from typing import Annotated
        from fastapi import Depends
        from sqlmodel import Session, text
        def f(x: Annotated[Session, Depends()]): x.exec(text("select 1"))
        """,
    ),
    "sqlalchemy: the driver's own": (
        S,
        'import sqlalchemy as sa\ndef f(x: sa.Connection): x.exec_driver_sql("select 1")',
    ),
    "sqlalchemy: a string, as in version 1": (
        S,
        'import sqlalchemy as sa\nsa.create_engine("u").execute("select 1")',
    ),
    "databases": (
        D,
        'import databases\ndb = databases.Database("u")\nasync def f(): await db.fetch_all(query="select 1")',
    ),
    "databases: unknown": (D, 'import databases\nasync def f(db): await db.fetch_val("select 1")'),
}


@pytest.mark.parametrize(("owner", "code"), COUNTS.values(), ids=COUNTS.keys())
def test_counts(tmp_path: Path, owner: Owner, code: str) -> None:
    assert told(found(tmp_path, code)) == [(owner, "select 1")]


OTHERS = {
    "a result's scalars": """
        import sqlalchemy as sa
        def f(x: sa.Connection):
            x.execute(sa.select(1)).scalars("select 1")
        """,
    "a query builder": """
        from sqlalchemy import select
        from sqlalchemy.orm import Session
        def f(x: Session, statement):
            x.execute(select(User).where(User.id == 3))
            x.scalars(statement)
            x.execute(User.__table__.insert(), [{"id": 3}])
        """,
    "a text inside a query builder": """
        from sqlalchemy import select, text
        def f(session): session.execute(select(text("id")).where(text("id > 3")))
        """,
    "a query builder of databases": """
        import databases
        async def f(db: databases.Database):
            await db.execute(query=notes.insert(), values={})
            await db.fetch_all(query)
        """,
    "a server-side cursor's name": """
        import psycopg
        def f(conn: psycopg.Connection): conn.cursor("select 1")
        """,
    "alembic": """
        import sqlalchemy as sa
        from alembic import op
        def upgrade(): op.execute("update t set a = 1")
        """,
    "another library in the file": """
        import asyncpg, sqlite3
        def f(x): x.execute("select 1")
        """,
    "no statement": """
        import asyncpg
        async def f(client): await client.fetch("https://example.org")
        """,
    "placeholders of another kind": """
        import asyncpg
        async def f(x): await x.execute("select %s", (1,))
        """,
    "a stream of something else": """
        import psycopg
        def f(x): x.stream("GET", "/")
        """,
}


@pytest.mark.parametrize("code", OTHERS.values(), ids=OTHERS.keys())
def test_does_not_count(tmp_path: Path, code: str) -> None:
    assert found(tmp_path, code) == ()


def test_what_a_prepared_statement_or_a_cursor_is_given_is_no_statement(tmp_path: Path) -> None:
    code = """
    import asyncpg
    async def f(x: asyncpg.Connection):
        statement = await x.prepare("select 1")
        await statement.fetch("select 2")
        cursor = await x.cursor("select 3")
        await cursor.fetch(10)
    """
    assert told(found(tmp_path, code)) == [(A, "select 1"), (A, "select 3")]


def test_what_execute_gives_in_psycopg_is_a_cursor(tmp_path: Path) -> None:
    code = """
    import psycopg
    def f():
        x = psycopg.connect("u").execute("select 1")
        x.execute("select 2")
    """
    assert told(found(tmp_path, code)) == [(P, "select 1"), (P, "select 2")]


NOT_PROVABLE = {
    "asyncpg, known": (
        A,
        "import asyncpg\nasync def f(x: asyncpg.Pool, q): await x.fetch(q)",
        '"q" is a parameter (line 2)',
    ),
    "asyncpg, named like a pool": (
        A,
        "import asyncpg\nasync def f(pool, q): await pool.fetchrow(q)",
        '"q" is a parameter (line 2)',
    ),
    "asyncpg, the beginning of a statement": (
        A,
        'import asyncpg\nasync def f(x, t): await x.fetch(f"select * from {t}")',
        '"t" is a parameter (line 2)',
    ),
    "psycopg, put together": (
        P,
        """
        import psycopg
        from psycopg import sql
        def f(x: psycopg.Cursor):
            x.execute(sql.SQL("select {}").format(sql.Identifier("a")))
        """,
        "psycopg.sql puts it together while the program runs",
    ),
    "psycopg, named like a cursor": (
        P,
        "import psycopg\ndef f(cur, q, params): cur.execute(q, params)",
        '"q" is a parameter (line 2)',
    ),
    "sqlalchemy, a text of something": (
        S,
        "from sqlalchemy import text\ndef f(session, t): session.execute(text(f'select * from {t}'))",
        '"t" is a parameter (line 2)',
    ),
    "sqlalchemy, a string built for the driver": (
        S,
        "import sqlalchemy as sa\ndef f(x: sa.Connection, q): x.exec_driver_sql(q)",
        '"q" is a parameter (line 2)',
    ),
}


@pytest.mark.parametrize(("owner", "code", "why"), NOT_PROVABLE.values(), ids=NOT_PROVABLE.keys())
def test_counts_without_a_constant_statement(tmp_path: Path, owner: Owner, code: str, why: str) -> None:
    assert told(found(tmp_path, code)) == [(owner, why)]


def test_a_fetch_of_something_by_an_unknown_client_is_left_alone(tmp_path: Path) -> None:
    assert found(tmp_path, "import asyncpg\nasync def f(db, url): await db.fetch(url)") == ()


def test_a_file_without_imports_goes_by_the_others(tmp_path: Path) -> None:
    code = 'def f(x, n): x.execute("select %s", (n,))'
    assert told(found(tmp_path, code, other="import psycopg")) == [(P, "select %s")]
    assert told(found(tmp_path, code, other="import sqlite3")) == []
    code = 'def f(x): x.execute("select 1")'
    assert told(found(tmp_path, code, other="import asyncpg, psycopg")) == [(A, "select 1")]


ASYNCPG, PSYCOPG = "from asyncpg import Connection as X", "from psycopg import Cursor as X"
PSYCOPG2 = "from psycopg2.extensions import cursor as X"
SQLALCHEMY = "from sqlalchemy import Connection as X, bindparam, text"
DATABASES = "from databases import Database as X"


def test_each_form_of_a_statement_is_a_call(tmp_path: Path) -> None:
    code = f"{ASYNCPG}\nasync def f(x: X, new): await x.fetch('select 1' if new else 'select 2')"
    calls = found(tmp_path, code)
    assert told(calls) == [(A, "select 1"), (A, "select 2")]
    assert [call.branch for call in calls] == ["new is true (line 2)", "new is false (line 2)"]
    assert {str(call.place) for call in calls} == {"m.py:2:31"}


def test_the_form_that_is_a_query_builders_is_left_alone(tmp_path: Path) -> None:
    code = f"{SQLALCHEMY}\ndef f(x: X, new): x.execute(text('select 1') if new else select(User))"
    assert told(found(tmp_path, code)) == [(S, "select 1")]
