"""docs/pool.md and docs/observability.md: their examples run, and their tables name all there is."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import assay
from assay.config import DatabaseUrl
from assay.contrib.conventions import CONNECTION, DURATION, SIZES, TIMEOUTS, TIMES
from assay.runtime.observing import Call
from assay.runtime.pool_options import _VARIABLES, PoolOptions
from assay.runtime.slow_queries import SlowQueries

DOCS = Path(__file__).parents[2] / "docs"
POOL, OBSERVABILITY = (DOCS / "pool.md").read_text(), (DOCS / "observability.md").read_text()
EXAMPLE_URL = "postgresql://app@db.example/app"


def blocks(guide: str, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)


async def run(block: str, names: dict[str, Any]) -> None:
    code: CodeType = compile(block, "guide", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        await result


@pytest.mark.parametrize("guide", [POOL, OBSERVABILITY], ids=["pool", "observability"])
async def test_examples_run(guide: str, database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_18.reveal())
    async with assay.Pool(database_18) as pool:
        await pool.execute("create table device (id int generated always as identity primary key, name text not null)")
    names: dict[str, Any] = {"assay": assay, "__name__": "guide"}
    for block in blocks(guide):
        assert block.count(EXAMPLE_URL) <= 1
        await run(block.replace(EXAMPLE_URL, database_18.reveal()), names)
    assert {*names} & {"app", "telemetry"}


async def test_observer_of_ones_own_is_told(database_18: DatabaseUrl, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"assay": assay}
    await run(blocks(OBSERVABILITY)[-1].partition("pool = ")[0], names)
    async with assay.Pool(database_18, observers=[names["Print"]], name="main") as pool:
        await pool.execute("-- name: one\nselect 1")
    assert re.fullmatch(r"main one 0\.\d{3} s \n", capsys.readouterr().out)


def test_every_limit_is_listed_with_its_variable_and_default() -> None:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in POOL.splitlines() if line.startswith("| `")]
    rows = {line[0].strip("`"): line[1:] for line in lines}
    for option in dataclasses.fields(PoolOptions):
        assert option.name in rows, option.name
        value = option.default
        default = f"{value:g}" if type(value) in (int, float) else "false" if value is False else f'`"{value}"`'
        assert rows[option.name][1] == default
    for name, (variable, _) in _VARIABLES.items():
        assert rows[name][0] == f"`{variable}`"


def test_every_number_of_the_stats_is_listed() -> None:
    table = OBSERVABILITY.partition("| field | |")[2]
    for number in dataclasses.fields(assay.PoolStats):
        assert f"`{number.name}`" in table, number.name


def test_every_metric_is_listed() -> None:
    listed = re.findall(r"^\| `(db\.[\w.]+)`", OBSERVABILITY, re.MULTILINE)
    there = [*(size.name for size in SIZES), TIMEOUTS, *(f"{CONNECTION}.{name}" for name in TIMES), DURATION]
    assert listed == there


def test_slow_query_is_written_as_shown(caplog: pytest.LogCaptureFixture) -> None:
    class Named:
        name = "main"

    named: Any = Named()
    sql = "select id, name from device where key = $1"
    SlowQueries(0.5, named).ran(Call("app.devices.by_key", sql, 0, 0.812, None, ("abcdefghijkl",)))
    assert [caplog.records[0].getMessage() + "\n"] == blocks(OBSERVABILITY, "text")
