"""``assay check`` where nothing changed: the answer is the same as a fresh one, and nothing is imported or started."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl, load_settings
from assay.proof.project import check
from assay.server import Server

QUERY = """\
import assay
from outer import Row, Size
import rows_of_others

open("imported", "a").write("once\\n")

async def size(db: assay.Pool) -> Row:
    return await db.fetch_one(Row, "select count(*) as size from person")

async def named(db: assay.Pool) -> list[str]:
    return await db.fetch_all(str, assay.sql_file("named.sql"))

async def other(db: assay.Pool) -> rows_of_others.Row:
    return await db.fetch_one(rows_of_others.Row, "select count(*) as size from person")

async def sized(db: assay.Pool) -> Size:
    return await db.fetch_one(Size, "select count(*) from person")
"""
OUTER = """\
import os
from dataclasses import dataclass

@dataclass
class Row:
    size: int

Size = int if not os.environ.get("AS_TEXT") else str
"""
SETTLED = 2.1
"""Seconds after which a change is not so fresh that a report is not kept for it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A project with an embedded server."""

    project: Project
    home: Path

    @property
    def reports(self) -> list[Path]:
        return list((self.home / "proofs").glob("*.report"))

    @property
    def imports(self) -> int:
        return (self.project.root / "imported").read_text().count("once")

    def check(self, *arguments: str, **environ: str) -> Run:
        return self.project.run(
            "check", *arguments, ASSAY_HOME=str(self.home), PYTHONPATH=str(self.project.root / "others"), **environ
        )

    def forget(self) -> None:
        for path in self.reports:
            path.unlink()

    def settle(self) -> None:
        """Check until the report is kept."""
        time.sleep(SETTLED)
        self.check()
        assert self.reports


@pytest.fixture
def kept(tmp_path: Path, assay_home: Path) -> Kept:
    project = make_project(tmp_path, DatabaseUrl.parse("postgresql://unused/"))
    project.write("pyproject.toml", "[tool.assay]\nsource = ['src']\n")
    project.write("outer.py", OUTER)
    project.write("others/rows_of_others.py", OUTER)
    project.write("src/named.sql", "select name from person")
    project.write("src/sizes.py", QUERY)
    project.write("imported", "")
    found = Kept(project, assay_home)
    found.forget()
    return found


def timeless(done: Run) -> tuple[int, str, str]:
    """What a run said, but for how long it took."""
    out = re.sub(r'in \d+\.\d\d s|"seconds": [\d.]+', "T", done.out)
    return done.code, out, done.err


def test_what_is_not_changed_is_neither_imported_nor_described(kept: Kept) -> None:
    kept.project.write(
        "src/app/more.py", 'import assay\nasync def f(db: assay.Pool): await db.execute("delete from team")\n'
    )
    kept.settle()
    assert kept.imports == 1
    Server.locate("18", home=kept.home).stop()
    done = kept.check()
    assert re.fullmatch(r"Proved 9 of 9 queries against PostgreSQL 18\.\d+, 2 migrations, in 0\.\d\d s", done.lines[-1])
    assert (done.code, kept.check("--strict").code, kept.imports) == (0, 1, 1)
    assert not Server.locate("18", home=kept.home).status().running
    assert (kept.check(AS_TEXT="1").code, kept.imports) == (1, 2)
    assert (kept.check().code, kept.imports) == (0, 2)


def test_every_format_and_exit_code_is_the_same(kept: Kept) -> None:
    kept.project.replace("src/app/models.py", "    nick: str | None\n", "    nick: str\n")
    kept.project.replace("src/app/queries.py", "person_id: int) -> Person", "person_id) -> Person")
    kept.project.write(
        "src/app/more.py", 'import assay\nasync def f(db: assay.Pool): await db.execute("delete from team")\n'
    )
    fresh = {}
    asked = [("--show-unverified",), ("--output-format", "json"), ("--output-format", "sarif", "--strict")]
    for arguments in asked:
        kept.forget()
        fresh[arguments] = timeless(kept.check(*arguments))
    kept.settle()
    before = kept.imports
    for arguments in asked:
        assert timeless(kept.check(*arguments)) == fresh[arguments]
    assert kept.imports == before
    assert fresh[asked[0]][0] == 1


def rewrite(kept: Kept, name: str, old: str, new: str) -> None:
    kept.project.replace(name, old, new)


CHANGES: dict[str, Callable[[Kept], object]] = {
    "an edit of the same size": lambda on: rewrite(on, "src/app/models.py", "    level: str", "    level: int"),
    "a new file": lambda on: on.project.write("src/app/new.py", QUERY.replace("size)", "sise)")),
    "a file deleted": lambda on: (on.project.root / "src/app/new.py").unlink(),
    "a file renamed": lambda on: (on.project.root / "src/sizes.py").rename(on.project.root / "src/sized.py"),
    "a migration": lambda on: rewrite(on, "migrations/20250101000002_person.sql", "nick text,", "nick text not null,"),
    "a new migration": lambda on: on.project.write("migrations/20250101000003_more.sql", "drop table team cascade;"),
    "a setting": lambda on: rewrite(on, "pyproject.toml", "'src'", "'src/app'"),
    "the setting again": lambda on: rewrite(on, "pyproject.toml", "'src/app'", "'src'"),
    "a query in a file of its own": lambda on: rewrite(on, "src/named.sql", "name", "nick"),
    "a module that is not checked": lambda on: rewrite(on, "outer.py", "size: int", "size: str"),
    "a dependency": lambda on: rewrite(on, "others/rows_of_others.py", "size: int", "size: str"),
}
LAST = ("a query in a file of its own", "a module that is not checked", "a dependency")
"""Those before which the report must have settled."""


@pytest.mark.parametrize(
    "names",
    [
        ("an edit of the same size", "a migration", "a module that is not checked"),
        pytest.param(tuple(CHANGES), marks=pytest.mark.soak),
    ],
    ids=["some", "all"],
)
def test_after_each_change_the_answer_is_a_fresh_one(kept: Kept, names: tuple[str, ...]) -> None:
    kept.settle()
    last = timeless(kept.check("--output-format", "json"))
    for name in names:
        if name in LAST:
            kept.settle()
        assert kept.reports, name
        CHANGES[name](kept)
        answer = timeless(kept.check("--output-format", "json"))
        kept.forget()
        assert answer == timeless(kept.check("--output-format", "json")), name
        assert answer != last, name
        last = answer


def test_a_module_that_could_not_be_imported_is_tried_again(kept: Kept) -> None:
    kept.project.replace("outer.py", "import os\n", "import os\nimport elsewhere\n")
    time.sleep(SETTLED)
    for _ in range(2):
        assert "elsewhere" in kept.check().out
    kept.project.write("others/elsewhere.py", "")
    assert kept.check().code == 0


def test_what_a_module_reads_counts_and_what_it_asks_others_is_not_kept(kept: Kept) -> None:
    reading = "import os, pathlib\nassert pathlib.Path('flag').read_text() == 'on'\n"
    kept.project.write("flag", "on")
    kept.project.replace("outer.py", "import os\n", reading)
    kept.settle()
    before = kept.imports
    assert (kept.check().code, kept.imports) == (0, before)
    kept.project.write("flag", "of")
    assert "AssertionError" in kept.check().out
    kept.project.write("flag", "on")
    kept.project.replace("outer.py", reading, f"{reading}import subprocess\nsubprocess.run(['true'])\n")
    kept.forget()
    time.sleep(SETTLED)
    assert (kept.check().code, kept.reports) == (0, [])


def test_nothing_is_kept_of_a_schema_that_may_change(kept: Kept) -> None:
    url = Server.locate("18", home=kept.home).ensure_running().reveal()
    time.sleep(SETTLED)
    assert kept.check("--database-url", url).code == 0
    assert kept.reports == []
    assert kept.check("--fix").code == 0
    assert kept.reports == []


def test_damaged_files_are_no_fault(kept: Kept) -> None:
    kept.settle()
    before: Any = timeless(kept.check())
    for path in (kept.home / "proofs").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert timeless(kept.check()) == before


def test_checks_at_the_same_time_say_the_same(kept: Kept) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = {timeless(done) for done in pool.map(lambda _: kept.check(), range(3))}
    assert len(found) == 1
    assert timeless(kept.check()) in found


def test_one_query_changed_costs_one_description(kept: Kept) -> None:
    (kept.project.root / "src/sizes.py").unlink()
    kept.project.write("migrations/20250101000003_own.sql", "create table of_this_test_alone ();")
    described: list[tuple[int, int]] = []
    settings = load_settings(kept.project.root, {})
    check(settings, progress=lambda done, total: described.append((done, total)))
    assert described == [(number, 4) for number in range(1, 5)]
    described.clear()
    kept.project.replace("src/app/queries.py", "select count(*) from person", "select count(id) from person")
    check(settings, progress=lambda done, total: described.append((done, total)))
    assert described == [(1, 1)]
