"""What the guide to testing says, tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.fixtures.suites import make_suite

from assay.config import DatabaseUrl, SettingsForTests, load_settings
from assay.testing import plugin

GUIDE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_first_example_passes_as_it_stands(server_18: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server_18, blocks("python")[0])
    suite.write("migrations/3_device.sql", "create table device (name text not null);\n")
    suite.write("pyproject.toml", "[tool.assay]\n" + next(block for block in blocks("toml") if "asyncio_mode" in block))
    result = suite.run("-q")
    assert (result.counts, result.code) == ({"passed": 1}, 0), result.out


def test_markers_of_the_guide_do_what_it_says(server_18: DatabaseUrl, tmp_path: Path) -> None:
    markers = [line.partition(" #")[0].strip() for line in blocks("python")[1].splitlines()]
    people = {0: 0, 1: 2, 2: 3, 3: 0}
    tests = "import pytest\n"
    for number, marker in enumerate(markers):
        count = f"await assay_db.fetch_one(int, 'select count(*) from person') == {people[number]}"
        tests += f"\n\n{marker}\nasync def test_{number}(assay_db):\n    assert {count}\n"
    suite = make_suite(tmp_path, server_18, tests)
    suite.write("seeds/demo/1.sql", "insert into person (team_id) values (1);\n")
    result = suite.run("-q")
    assert (result.counts, result.code) == ({"passed": 4}, 0), result.out


def test_settings_of_the_guide_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(next(block for block in blocks("toml") if "tool.assay.testing" in block))
    assert load_settings(tmp_path, {}).testing == SettingsForTests()


def test_fixtures_of_the_guide_are_those_of_the_plugin() -> None:
    named = set(re.findall(r"`(assay_\w+)`", GUIDE.partition("## assay_db")[0]))
    assert named == {name for name in vars(plugin) if name.startswith("assay_")}


@pytest.mark.parametrize("word", ["LeftBehind", "TEST_DATABASE_URL"])
def test_names_of_the_guide_exist(word: str) -> None:
    from assay.testing import leftovers, places

    assert word in GUIDE
    assert hasattr(leftovers, word) or word == places.VARIABLE
