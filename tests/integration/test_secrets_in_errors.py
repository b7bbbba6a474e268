"""What is passed to a statement appears in no error, neither in its text nor in what it was raised from."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest

import assay
from assay.config import DatabaseUrl

SECRET = "hunter2-of-the-user"


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(cleared_18, min_connections=1, max_connections=1) as pool:
        await pool.execute(
            "create table account (id int primary key, name text unique, password text check (length(password) > 3),"
            " age int, token uuid, tags text[])"
        )
        await pool.execute("insert into account (id, name) values (1, $1)", SECRET)
        yield pool


CALLS: list[tuple[str, Any]] = [
    ("select $1::int", SECRET),
    ("select $1::uuid", SECRET),
    ("select $1::float8", SECRET),
    ("select $1::numeric", SECRET),
    ("select $1::inet", SECRET),
    ("select $1::timestamptz", SECRET),
    ("select $1::int[]", [SECRET]),
    ("select $1::text[]", [1, SECRET]),
    ("select $1::text::int", SECRET),
    ("select $1::text::jsonb", SECRET),
    ("select ($1::text || '9999999999999')::int", "7" * 30),
    ("insert into account (id, name) values (2, $1)", SECRET),
    ("insert into account (id, name, password) values (2, $1, 'a')", SECRET),
    ("insert into account (id, password) values (null, $1)", SECRET),
]


def everything(error: BaseException) -> str:
    """The text of an error with all that its traceback shows, and its fields."""
    parts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        parts += [repr(seen), *map(repr, vars(seen).values())]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


@pytest.mark.parametrize(("sql", "value"), CALLS)
async def test_no_error_has_the_value(pool: assay.Pool, sql: Any, value: Any) -> None:
    secrets = [SECRET, SECRET[:12], "7" * 20]
    with pytest.raises(assay.Error) as caught:
        await pool.fetch_all(object, sql, value)
    told = everything(caught.value)
    assert not [secret for secret in secrets if secret in told]
    with pytest.raises(assay.Error) as caught:
        await pool.execute_many(sql, [(value,)])
    told = everything(caught.value)
    assert not [secret for secret in secrets if secret in told]


async def test_no_error_of_copy_has_the_value(pool: assay.Pool) -> None:
    for row in ({"id": SECRET}, {"id": 5, "token": SECRET}, {"id": 5, "name": SECRET}, {"id": 5, "tags": [SECRET, 1]}):
        with pytest.raises(assay.Error) as caught:
            await pool.copy_in("account", [row])
        assert SECRET not in everything(caught.value)
        assert SECRET[:12] not in everything(caught.value)
