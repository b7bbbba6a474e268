"""What a test pays for its database: Assay's fixtures, pytest-postgresql and Django's test cases, side by side.

Each contender is a suite of small tests on the same 20 tables, on the same server in memory: insert a row, count the
rows. The suites run one after the other in random order, each in a process of its own with the plugins that it needs
and no other, several times over. A test's time is that of its whole protocol, fixtures included, as pytest runs it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from assay.config import DatabaseUrl
from assay.server import Server
from assay.server.memory import memory_home

ROUNDS = 7
TESTS = 60
WARM_UP = 6
"""Tests at the beginning that are not counted, and one at the end, which ends the session as well."""
TABLES = 20

TABLE = """
create table t{n} (
    id bigint generated always as identity primary key, name text not null, note text,
    owner_id bigint references t{owner}, made_at timestamptz not null default now()
);
create index on t{n} (owner_id);
"""
CONFTEST = """
import json, os, time
import pytest

times = []

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    started = time.perf_counter()
    result = yield
    times.append(time.perf_counter() - started)
    return result

def pytest_sessionfinish(session):
    with open(os.environ["BENCH_TIMES"], "w") as file:
        json.dump(times, file)
"""
PYPROJECT = """
[tool.assay]
[tool.pytest.ini_options]
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
asyncio_mode = "auto"
"""
ASYNC = """
import pytest

@pytest.mark.parametrize("turn", range({tests}))
async def test({fixture}, turn):
    await {fixture}.execute("insert into t0 (name) values ($1)", "a name")
    {more}
    assert await {fixture}.fetch_one(int, "select count(*) from t0") == 1
"""
SYNC = ASYNC.replace("async ", "").replace("await ", "")
EMPTY = """
import pytest

@pytest.mark.parametrize("turn", range({tests}))
async def test(turn):
    pass
"""
POSTGRESQL = """
import pytest
from pathlib import Path

from pytest_postgresql import factories

server = factories.postgresql_noproc(host={host!r}, port=5432, user="postgres", load=[Path(__file__).with_name("schema.sql")])
database = factories.postgresql("server")

@pytest.mark.parametrize("turn", range({tests}))
def test(database, turn):
    with database.cursor() as cursor:
        cursor.execute("insert into t0 (name) values (%s)", ["a name"])
        database.commit()
        cursor.execute("select count(*) from t0")
        assert cursor.fetchone() == (1,)
"""
DJANGO_SETTINGS = """
SECRET_KEY = "a benchmark"
INSTALLED_APPS = ["app"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "HOST": {host!r}, "USER": "postgres",
    "NAME": "postgres", "TEST": {{"NAME": "bench_django", "TEMPLATE": "template0"}}}}}}
"""
DJANGO_MODELS = """
from django.db import models

for n in range({tables}):
    globals()[f"T{{n}}"] = type(f"T{{n}}", (models.Model,), {{
        "__module__": __name__, "name": models.TextField(), "note": models.TextField(null=True),
        "owner": models.ForeignKey(f"T{{max(n - 1, 0)}}", models.CASCADE, null=True),
        "made_at": models.DateTimeField(auto_now_add=True),
    }})
"""
DJANGO = """
from app.models import T0
from django.test import {case}

class Test({case}):
    pass

def check(self):
    T0.objects.create(name="a name")
    assert T0.objects.count() == 1

for turn in range({tests}):
    setattr(Test, f"test_{{turn:03}}", check)
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """A suite, and the plugins that it takes."""

    name: str
    plugins: tuple[str, ...]
    files: dict[str, str]
    needs: str = "pytest_asyncio"
    """The package that must be installed."""
    budget: float | None = None
    """Milliseconds above an empty test."""


def contenders(host: str) -> list[Contender]:
    """All of them, the empty test first."""
    assay, schema = ("asyncio", "assay"), "".join(TABLE.format(n=n, owner=max(n - 1, 0)) for n in range(TABLES))
    base = {"pyproject.toml": PYPROJECT, "migrations/1_schema.sql": schema, "schema.sql": schema}

    def own(name: str, test: str, fixture: str, budget: float | None, more: str = "pass", needs: str = "") -> Contender:
        text = test.format(tests=TESTS, fixture=fixture, more=more)
        return Contender(name, assay, {**base, "test_it.py": text}, needs or "pytest_asyncio", budget)

    ddl = 'await assay_pool.execute("create table other ()")'
    django = {
        "settings.py": DJANGO_SETTINGS.format(host=host),
        "app/__init__.py": "",
        "app/models.py": DJANGO_MODELS.format(tables=TABLES),
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\nDJANGO_SETTINGS_MODULE = 'settings'\n",
    }

    def peer(case: str) -> Contender:
        files = {**django, "test_it.py": DJANGO.format(case=case, tests=TESTS)}
        return Contender(f"Django {case}", ("django",), files, "pytest_django")

    return [
        own("empty test", EMPTY, "", None),
        own("Assay assay_db", ASYNC, "assay_db", 1.0),
        own("Assay assay_sync_db", SYNC, "assay_sync_db", 1.0, needs="psycopg"),
        peer("TestCase"),
        own("Assay assay_pool", ASYNC, "assay_pool", 15.0),
        own("Assay assay_pool, a new copy after DDL", ASYNC, "assay_pool", None, ddl),
        own("Assay assay_sync_pool", SYNC, "assay_sync_pool", 15.0, needs="psycopg"),
        Contender(
            "pytest-postgresql",
            ("pytest_postgresql",),
            {**base, "test_it.py": POSTGRESQL.format(host=host, tests=TESTS)},
            "pytest_postgresql",
        ),
        peer("TransactionTestCase"),
    ]


async def main(server: DatabaseUrl) -> None:
    """Print the table. It has a server of its own, in memory where that has room; the one given is not used."""
    await asyncio.to_thread(_compare)


def _compare() -> None:
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    folder.chmod(0o711)
    home = folder / "home"
    place = Server.locate("18", home=memory_home(home))
    try:
        url = place.ensure_running()
        found = [one for one in contenders(url.host or "") if _is_installed(one)]
        for one in found:
            _write(folder / _key(one), one)
        medians: dict[str, list[float]] = {one.name: [] for one in found}
        for _ in range(ROUNDS):
            for one in random.sample(found, len(found)):
                medians[one.name].append(_run(folder / _key(one), one, home))
        _show(found, medians)
    finally:
        place.stop()
        shutil.rmtree(place.layout.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _is_installed(one: Contender) -> bool:
    if find_spec(one.needs) is None:
        print(f"{one.name} is left out: {one.needs} is not installed (pip install --group bench)")
        return False
    return True


def _key(one: Contender) -> str:
    return one.name.replace(" ", "_").replace(",", "")


def _write(folder: Path, one: Contender) -> None:
    for name, text in {"conftest.py": CONFTEST, **one.files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _run(folder: Path, one: Contender, home: Path) -> float:
    """Seconds that a test takes: the median of a suite."""
    plugins = [word for plugin in one.plugins for word in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins]
    own = {"ASSAY_HOME": str(home), "BENCH_TIMES": str(folder / "times.json"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATABASE_URL")}
    done = subprocess.run(command, cwd=folder, env={**kept, **own}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{one.name}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    times = json.loads((folder / "times.json").read_text())
    return statistics.median(times[WARM_UP:-1])


def _show(found: list[Contender], medians: dict[str, list[float]]) -> None:
    empty = medians["empty test"]
    print(f"\nOne test on {TABLES} tables: medians of {ROUNDS} runs of {TESTS} tests, in random order")
    width = max(len(one.name) for one in found)
    print(f"  {'':<{width}}  {'a test':>10}  {'above an empty one':>18}")
    for one in found:
        above = statistics.median(own - other for own, other in zip(medians[one.name], empty, strict=True)) * 1e3
        budget = f"budget {one.budget:g} ms" if one.budget else ""
        print(
            f"  {one.name:<{width}}  {statistics.median(medians[one.name]) * 1e3:>7.2f} ms  {above:>15.2f} ms  {budget}"
        )
    for peer, own, wanted in (
        ("pytest-postgresql", "Assay assay_pool", "budget 2 x"),
        ("Django TransactionTestCase", "Assay assay_pool", ""),
        ("Django TestCase", "Assay assay_db", ""),
    ):
        if peer in medians:
            pairs = zip(medians[peer], medians[own], strict=True)
            ratio = statistics.median(theirs / ours for theirs, ours in pairs)
            print(f"  {peer} takes {ratio:.2f} x the time of {own.removeprefix('Assay ')}  {wanted}".rstrip())
