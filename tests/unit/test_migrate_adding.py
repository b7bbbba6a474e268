"""New migrations take their version and kind from those that are there, by the rules of ``sqlx migrate add --help``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.errors import MigrationError
from assay.migrate import Kind, load
from assay.migrate.adding import add

NOW = datetime(2025, 11, 22, 12, 30, 59, tzinfo=UTC)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def filled(folder: Path, *files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in files:
        (folder / name).touch()
    return folder


def test_the_first_migration_makes_the_folder_and_has_the_time(tmp_path: Path) -> None:
    (path,) = add(tmp_path / "a" / "migrations", "create  devices", now=NOW)
    assert path == tmp_path / "a" / "migrations" / "20251122123059_create_devices.sql"
    assert path.read_text() == "-- Create devices\n"


@pytest.mark.parametrize("description", ["create_devices", "create-devices", "_create  devices", "create_-devices"])
def test_the_comment_is_in_words(tmp_path: Path, description: str) -> None:
    up, down = add(tmp_path, description, kind=Kind.REVERSIBLE)
    assert (up.read_text(), down.read_text()) == ("-- Create devices\n", "-- Revert: create devices\n")


def test_a_description_without_a_word_is_its_own_comment(tmp_path: Path) -> None:
    assert add(tmp_path, "_")[0].read_text() == "-- _\n"


@pytest.mark.parametrize(
    ("there", "version"),
    [
        (["1_a.sql"], "0002"),
        (["0_a.sql"], "0001"),
        (["2_a.sql"], "20251122123059"),
        (["0001_a.sql", "0002_b.sql"], "0003"),
        (["0001_a.up.sql", "0001_a.down.sql", "0002_b.up.sql", "0002_b.down.sql"], "0003"),
        (["0001_a.sql", "0003_b.sql"], "20251122123059"),
        (["9998_a.sql", "9999_b.sql"], "10000"),
        (["20251122000001_a.sql", "20251122000002_b.sql"], "20251122000003"),
        (["20240101000000_a.sql", "20250101000000_b.sql"], "20251122123059"),
    ],
)
def test_versions_go_on_as_they_were(tmp_path: Path, there: list[str], version: str) -> None:
    path = add(filled(tmp_path, *there), "next", now=NOW)[0]
    assert path.name.partition("_")[0] == version


def test_the_kind_goes_on_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path, "1_a.sql", "2_b.up.sql", "2_b.down.sql")
    assert [path.name for path in add(tmp_path, "c")] == ["0003_c.up.sql", "0003_c.down.sql"]
    assert [path.name for path in add(tmp_path, "d", kind=Kind.SIMPLE)] == ["0004_d.sql"]
    assert [path.name for path in add(tmp_path, "e")] == ["0005_e.sql"]


def test_what_is_asked_for_wins(tmp_path: Path) -> None:
    filled(tmp_path, "20240101000000_a.sql")
    assert [path.name for path in add(tmp_path, "b", sequential=True, kind=Kind.REVERSIBLE)] == [
        "20240101000001_b.up.sql",
        "20240101000001_b.down.sql",
    ]
    filled(tmp_path / "other", "1_a.sql")
    assert add(tmp_path / "other", "b", sequential=False, now=NOW)[0].name == "20251122123059_b.sql"


def test_two_in_one_second_have_different_versions_and_still_look_like_timestamps(tmp_path: Path) -> None:
    for word in ("one", "two", "three"):
        add(tmp_path, word, now=NOW)
    assert names(tmp_path) == ["20251122123059_one.sql", "20251122123061_two.sql", "20251122123063_three.sql"]
    later = datetime(2025, 11, 23, tzinfo=UTC)
    assert add(tmp_path, "four", now=later)[0].name == "20251123000000_four.sql"


def test_what_was_added_can_be_loaded(tmp_path: Path) -> None:
    add(tmp_path, "one", kind=Kind.REVERSIBLE)
    add(tmp_path, "two words", kind=Kind.SIMPLE)
    assert [(each.description, each.kind) for each in load(tmp_path)] == [
        ("one", Kind.REVERSIBLE),
        ("two words", Kind.SIMPLE),
    ]


@pytest.mark.parametrize("description", ["", "  ", "a/b", "../a", "a\0b", "a\x07b"])
def test_a_description_that_is_no_part_of_a_file_name_is_refused(tmp_path: Path, description: str) -> None:
    with pytest.raises(MigrationError, match="cannot be part of a file's name"):
        add(tmp_path, description)
    assert names(tmp_path) == []


def test_there_is_no_version_after_the_largest(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="There is no version above"):
        add(filled(tmp_path, f"{2**63 - 1}_a.sql"), "b")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MigrationError, match="cannot be created"):
        add(tmp_path / "file", "a")


def test_nothing_is_added_to_a_folder_that_is_not_in_order(tmp_path: Path) -> None:
    filled(tmp_path, "1_a.sql", "01_b.sql")
    with pytest.raises(MigrationError, match="is there twice"):
        add(tmp_path, "c")
