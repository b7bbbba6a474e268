"""Names and texts written into SQL mean what they did before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.config import DatabaseUrl
from assay.errors import UsageError
from assay.sql.quoting import LONGEST_NAME, quote_identifier, quote_literal

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_NAME)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
together = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def connection(server_18: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server_18.reveal())
    yield connection
    await connection.close()


@together
@given(name=NAMES)
@example('say "hi"')
@example("line\nbreak\r\ttab")
@example("select")
@example("Ünï🐘")
@example("; drop table x; --")
@example("\\")
@example("$1")
async def test_quoted_name_is_the_servers_name(connection: asyncpg.Connection, name: str) -> None:
    if len(name.encode()) > LONGEST_NAME:
        with pytest.raises(UsageError):
            quote_identifier(name)
        return
    statement = await connection.prepare(f"select 1 as {quote_identifier(name)}")
    assert [attribute.name for attribute in statement.get_attributes()] == [name]
    by_server = await connection.fetchval("select quote_ident($1)", name)
    assert quote_identifier(name) == (by_server if by_server.startswith('"') else f'"{by_server}"')


@together
@given(text=TEXTS)
@example("it's")
@example("back\\slash '")
@example("\\'; drop table x; --")
async def test_quoted_text_is_the_same_text_in_either_mode(connection: asyncpg.Connection, text: str) -> None:
    for mode in ("on", "off"):
        await connection.execute(f"set standard_conforming_strings = {mode}; set escape_string_warning = off")
        assert await connection.fetchval(f"select {quote_literal(text)}") == text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "cannot be empty"),
        ("a\0b", "has a NUL"),
        ("x" * 64, "is 64 bytes long; PostgreSQL keeps 63"),
        ("é" * 32, "is 64 bytes long"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_name_that_cannot_be_is_refused(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        quote_identifier(name)


def test_longest_name_is_allowed() -> None:
    assert quote_identifier("x" * 63) == '"' + "x" * 63 + '"'


def test_text_with_a_nul_is_refused() -> None:
    with pytest.raises(UsageError, match="NUL"):
        quote_literal("a\0b")
