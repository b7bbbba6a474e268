"""What a stream knows before it runs: whether its statement writes or locks rows, and how many to fetch at a time."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import assay
from assay.runtime.streaming import BATCH, may_write


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t default values returning id",
        "/* all */ DELETE from t returning id",
        "with gone as (delete from t returning id) select id from gone",
        "with recursive r as (select 1 as n) search depth first by n set o insert into t select n from r returning id",
        "merge into t using s on t.id = s.id when matched then update set n = 1 returning t.id",
        "select id from t for no key update",
        "select id from t for share",
    ],
)
def test_what_writes_or_locks_is_seen(sql: str) -> None:
    assert may_write(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select id from t",
        "values (1), (2)",
        "select 'insert', \"update\", $$delete$$ from t -- merge",
        "select insertion, updated, shared from t",
    ],
)
def test_what_only_reads_is_seen(sql: str) -> None:
    assert not may_write(sql)


@pytest.mark.parametrize("kind", [assay.Pool, assay.Connection, assay.Transaction, assay.Executor])
def test_every_stream_fetches_as_many_rows_at_a_time_unless_told(kind: Any) -> None:
    assert inspect.signature(kind.stream).parameters["batch"].default == BATCH
