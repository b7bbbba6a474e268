"""MIG301 where the type of a column changes: told where code must change, silent where the server sees to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.config import DatabaseUrl, load_settings
from assay.migrate import load
from assay.proof.checking import proven
from assay.schema.lint.broken import broken_queries
from assay.schema.lint.pending import chosen_since

BEFORE = """\
create type mood as enum ('happy', 'sad', 'meh');
create table event (
    id integer primary key, seen timestamp not null default now(), made timestamp, at time, part timestamp(3),
    points bigint, small integer, score numeric(8, 2), note varchar(80), mood mood,
    level text check (level in ('low', 'high', 'top')), spans timestamp[], label text
);
"""
AFTER = """\
alter table event alter seen type timestamptz, alter made type timestamptz, alter at type timetz,
    alter part type timestamptz(3), alter points type integer, alter note type varchar(5), alter spans type timestamptz[],
    drop constraint event_level_check, add constraint event_level_check check (level in ('low', 'high'));
alter table event alter mood type text;
drop type mood;
create type mood as enum ('happy', 'sad');
alter table event alter mood type mood using mood::mood;
"""
HEAD = """\
from __future__ import annotations
from datetime import datetime
from typing import Literal
import asyncpg
import assay
"""

SILENT = {
    "now_is_written": "update event set seen = now()",
    "now_is_written_beside_others": "update event set label = 'x', seen = clock_timestamp(), made = null where id = 1",
    "now_is_inserted": "insert into event (id, seen, made) values (1, now(), default), (2, now(), now())",
    "a_parameter_that_is_cast": "insert into event (id, seen) values (1, $1::timestamptz)",
    "what_was_inserted_is_updated": """
        insert into event (id, seen) values (1, now()) on conflict (id) do update set seen = excluded.seen
        """,
    "now_in_a_case": "update event set seen = case when $1 then now() else seen end",
    "a_moment_that_is_moved": "update event set seen = seen + interval '1 day', made = greatest(made, now())",
    "now_with_less_precision": "update event set part = now()",
    "now_in_merge": """
        merge into event using (values (1)) v (id) on v.id = event.id when matched then update set seen = now()
        """,
    "now_in_with": """
        with changed as (update event set seen = now() returning id) select count(*) from changed
        """,
    "now_from_a_query": "insert into event (id, seen) select id + 1, now() from event",
    "a_small_number": "update event set points = 1, small = $1",
    "a_number_that_is_cast": "update event set points = $1::integer",
    "a_short_text": "update event set note = 'short', level = 'high', mood = 'sad'",
    "other_columns": "select id, label from event where label = $1",
}
LOUD = {
    "a_parameter_is_written": "update event set seen = $1",
    "a_parameter_is_inserted": "insert into event (id, seen) values (1, now()), (2, $1)",
    "a_parameter_in_coalesce": "update event set seen = coalesce($1, seen)",
    "a_parameter_from_a_query": "insert into event (id, seen) select id + 1, $1 from event",
    "a_parameter_is_compared": "select id from event where seen < $1",
    "parameters_are_compared": "select id from event where made = any($1)",
    "a_moment_is_read": "select seen from event",
    "moments_are_read": "select spans from event",
    "a_moment_is_returned": "update event set made = now() returning made",
    "a_time_of_day_is_read": "select at from event",
    "the_latest_is_read": "select max(seen) from event",
    "a_clock_without_zone": "update event set seen = now() at time zone 'utc'",
    "a_clock_without_zone_in_a_call": "update event set seen = greatest(seen, now() at time zone 'utc')",
    "a_zone_that_is_taken_off": "update event set made = least(now(), seen at time zone 'utc')",
    "a_zone_is_taken_off_before": """
        insert into event (id, seen) select 1, x from (select least(now(), seen at time zone 'utc') as x from event) t
        """,
    "a_day_without_zone": "update event set seen = '2024-01-01 00:00'",
    "a_wide_number": "update event set points = $1",
    "a_wide_number_is_compared": "select id from event where points = $1",
    "a_wide_number_is_added": "update event set points = points + 1",
    "a_count_is_written": "update event set points = (select count(*) from event)",
    "a_sum_is_read": "select sum(points) from event",
    "a_long_text": "update event set note = 'much longer'",
    "any_text": "update event set note = $1",
    "a_value_that_is_gone": "update event set level = 'top'",
    "a_label_that_is_gone": "update event set mood = 'meh'",
    "any_label": "update event set mood = $1",
}
TYPED = """
async def typed_moment(db: assay.Executor) -> list[datetime]:
    return await db.fetch_all(datetime, "select seen from event")

async def typed_time(db: assay.Executor, since: datetime) -> list[int]:
    return await db.fetch_all(int, "select id from event where seen > :since [[ and made > :made ]]",
        since=since, made=assay.OMIT)

async def typed_number(db: assay.Executor) -> list[int | None]:
    return await db.fetch_all(int | None, "select points from event")

async def typed_class(db: assay.Executor, at: datetime) -> int:
    return await db.execute("update event set seen = now(), label = :label where id = :id", id=1, label="x")
"""
TYPED_LOUD = {"typed_moment", "typed_time"}


def _code() -> str:
    calls = (
        f'async def {name}(db: asyncpg.Connection, value):\n    return await db.fetchval("""{sql}"""'
        f"{', value' if '$1' in sql else ''})\n"
        for name, sql in (SILENT | LOUD).items()
    )
    return HEAD + "\n".join(calls) + TYPED


def _told(folder: Path, server: DatabaseUrl, before: str, after: str, code: str) -> dict[str, list[str]]:
    """What is told of each function of the code."""
    for name, text in (("migrations/1_a.sql", before), ("migrations/2_b.sql", after), ("app/queries.py", code)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    chosen = chosen_since(load(folder / "migrations"), 1)
    found: dict[str, list[str]] = {}
    for _, one in broken_queries(load_settings(folder, environ={}), chosen, server):
        above = code.splitlines()[: one.place.line]
        (*_, name) = re.findall(r"async def (\w+)", "\n".join(above))
        found.setdefault(name, []).append(one.message)
    return found


@pytest.fixture(scope="module")
def told(server: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return _told(tmp_path_factory.mktemp("types"), server, BEFORE, AFTER, _code())


def test_nothing_is_wrong_with_the_queries_before(server: DatabaseUrl, tmp_path: Path) -> None:
    _told(tmp_path, server, BEFORE, "", _code())
    report = proven(load_settings(tmp_path, environ={}), server).report
    assert [found.message for found in report.findings if found.is_error] == []
    assert report.total == len(SILENT) + len(LOUD) + len(re.findall("async def", TYPED))


def test_what_the_server_writes_itself_is_silent(told: dict[str, list[str]]) -> None:
    assert {name: told[name] for name in SILENT if name in told} == {}


def test_what_the_code_must_change_is_told(told: dict[str, list[str]]) -> None:
    assert {name for name in LOUD if name not in told} == set()


def test_declarations_that_hold_both_do_not_hide_a_time_zone(told: dict[str, list[str]]) -> None:
    assert {name for name in told if name.startswith("typed_")} == TYPED_LOUD
    (message,) = told["typed_moment"]
    assert 'column "seen" is timestamptz, and was timestamp (ASY204)' in message


def test_each_change_is_told_in_words(told: dict[str, list[str]]) -> None:
    assert (
        "takes timestamp with time zone, and took timestamp without time zone (ASY302)"
        in told["a_parameter_is_written"][0]
    )
    assert "parameter 1 is timestamptz, and was timestamp (ASY302)" in told["a_parameter_is_compared"][0]
    assert 'column "sum" is int8, and was numeric (ASY204)' in told["a_sum_is_read"][0]
    assert "does not take 'top' any more" in told["a_value_that_is_gone"][0]


def test_types_that_only_become_wider_are_silent(server: DatabaseUrl, tmp_path: Path) -> None:
    after = """
        alter table event alter small type bigint, alter note type text, alter score type numeric(12, 4),
            alter label type varchar, alter part type timestamp;
        alter type mood add value 'glad';
    """
    code = (
        HEAD
        + """
async def write(db: asyncpg.Connection, value):
    await db.execute("update event set small = $1, note = $2, score = $3, label = $4, part = $5, mood = $6",
        1, value, value, value, value, value)
async def read(db: asyncpg.Connection):
    return await db.fetch("select small, note, score, label, part, mood from event where small = $1 and note = $2", 1, "")
"""
    )
    assert _told(tmp_path, server, BEFORE, after, code) == {}


def test_a_time_zone_that_is_lost_is_told_both_ways(server: DatabaseUrl, tmp_path: Path) -> None:
    before = "create table event (id integer primary key, seen timestamptz);"
    after = "alter table event alter seen type timestamp;"
    told = _told(
        tmp_path,
        server,
        before,
        after,
        _code_of("read", "select seen from event")
        + _code_of("write", "update event set seen = $1", "value")
        + _code_of("server", "update event set seen = now()")
        + _code_of("local", "update event set seen = localtimestamp"),
    )
    assert set(told) == {"read", "write", "server"}


def _code_of(name: str, sql: str, *arguments: str) -> str:
    given = "".join(f", {argument}" for argument in arguments)
    return f'import asyncpg\nasync def {name}(db: asyncpg.Connection, value):\n    return await db.fetchval("{sql}"{given})\n'
