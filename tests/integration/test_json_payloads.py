"""Payloads of JSON columns that do not fit their class, and the keys of those that do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.trips import Checked, Loose, Part, Whole

import assay
from assay.config import DatabaseUrl


@pytest.fixture
async def connection(surface: Any, server: DatabaseUrl) -> AsyncIterator[assay.Connection]:
    """What a user has, on each server."""
    async with await surface.connect(server) as connection:
        yield connection


PAYLOADS: list[tuple[Any, str, str]] = [
    (Whole, '{"parts": [{"name": "a", "sizes": [1, "hunter2"]}]}', "Expected `int`, got `str` - at `$.parts[0].sizes[1]`"),
    (Whole, '{"parts": [{}]}', "Object missing required field `name` - at `$.parts[0]`"),
    (Loose, '{"name": ["hunter2"]}', "Expected `str`, got `array` - at `$.name`"),
    (list[Part | None], '[null, {"name": {"hunter2": 1}}]', "Expected `str`, got `object` - at `$[1].name`"),
    (Checked, '{"theSize": "hunter2"}', "Input should be a valid integer, unable to parse string as an integer in theSize"),
    (list[Checked], '[{"theSize": 1}, {"theSize": -1}]', "Input should be greater than or equal to 0 in theSize - at `$[1]`"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "text", "words"), PAYLOADS)
async def test_a_payload_that_does_not_fit_is_named_by_column_and_path(
    connection: assay.Connection, annotation: Any, text: str, words: str
) -> None:
    with pytest.raises(assay.DecodeError) as caught:
        await connection.fetch_all(tuple[int, annotation], "select 1, $1::jsonb as evidence", text)
    assert str(caught.value).startswith('The value of column "evidence" does not fit ')
    assert str(caught.value).endswith(f": {words}")
    assert "hunter2" not in str(caught.value)


async def test_aliases_of_pydantic_models_are_the_keys_of_the_payload(connection: assay.Connection) -> None:
    keys = await connection.fetch_one(list[str], "select array(select jsonb_object_keys($1))", Checked(theSize=1))
    assert sorted(keys) == ["day", "theSize"]
