"""A server finds in each split statement one whole statement, and the same effect in all of them as in the script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.config import DatabaseUrl
from assay.sql.splitting import split_statements


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def continued(text: str) -> str:
    return "e'' -- it''s going on; \n " + escaped(text).removeprefix("E")


def dollar_quoted(text: str) -> str:
    tag = next(tag for tag in ("$$", "$a$", "$_é1$") if (text + tag).index(tag) == len(text))
    return f"{tag}{text}{tag}"


def insert(text: str, form: Any, name: str, comment: str) -> str:
    alias = name.replace('"', '""')
    return f'{comment}insert into {{table}} (t) select {form(text)}{comment} as "x{alias}"'


def function(text: str, form: Any, name: str, comment: str) -> str:
    return (
        f"create or replace function {{table}}_f(a int) returns text begin atomic{comment} select 'first;';"
        f" select case when a > 1 then {form(text)} else 'b' end as end;{comment} end"
    )


def rule(text: str, form: Any, name: str, comment: str) -> str:
    return (
        f"create or replace rule r as on update to {{table}} do also ({comment}"
        f" insert into {{table}} (t) values ({form(text)}); insert into {{table}} (t) values ('b'))"
    )


TEXT = st.text(st.sampled_from(";'\"$\\-/*()eE \n\ré_aend"), max_size=8)
COMMENT = st.one_of(
    st.sampled_from(["", " ", "\n\t"]),
    st.text(st.sampled_from(";'\"$\\(e "), max_size=5).map(lambda text: f"--{text}\n"),
    st.text(st.sampled_from(";'\"$\\(e \n"), max_size=5).map(lambda text: f"/*{text}/*;*/{text}*/"),
)
FORM = st.sampled_from([quoted, escaped, continued, dollar_quoted])
STATEMENT = st.builds(
    lambda make, *parts: (make, make(*parts), parts[0]),
    *(st.sampled_from([insert, insert, function, rule]), TEXT, FORM, TEXT, COMMENT),
)


@pytest.fixture
async def connection(database: DatabaseUrl) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.reveal())
    yield connection
    await connection.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.lists(STATEMENT, min_size=1, max_size=5), end=COMMENT)
async def test_a_script_does_the_same_in_one_piece_and_in_many(
    connection: Any, statements: list[tuple[Any, str, str]], end: str
) -> None:
    texts = [text for make, _, text in statements if make is insert]
    for table in ("whole", "split"):
        script = ";".join(sql for _, sql, _ in statements).replace("{table}", table) + ";" + end
        pieces = split_statements(script)
        assert len(pieces) == len(statements)
        await connection.execute(f"create temp table {table} (id int generated always as identity, t text)")
        try:
            for sql in [script] if table == "whole" else [piece.text for piece in pieces]:
                await connection.execute(sql)
            rows = await connection.fetch(f"select t from {table} order by id")
        finally:
            await connection.execute(f"drop table {table}")
        assert [row["t"] for row in rows] == texts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.lists(STATEMENT, min_size=1, max_size=3), end=COMMENT)
async def test_each_piece_is_one_statement_to_the_server(
    connection: Any, statements: list[tuple[Any, str, str]], end: str
) -> None:
    """The extended protocol refuses several statements in one message, and a literal that is cut."""
    await connection.execute("create temp table if not exists here (t text)")
    for piece in split_statements(";".join(sql for _, sql, _ in statements).replace("{table}", "here") + ";" + end):
        await connection.prepare(piece.text)
