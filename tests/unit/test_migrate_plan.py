"""What is to be done follows from files and ledger; what speaks against it is found before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MigrationError
from assay.migrate import Direction, Migration, Script, State
from assay.migrate.files import checksum
from assay.migrate.model import LedgerRow
from assay.migrate.plan import Ledger, plan_revert, plan_run, statuses


def script(name: str, text: str = "select 1;") -> Script:
    return Script(Path("migrations") / name, text, checksum(text.encode()), text.startswith("-- no-transaction"))


def migration(version: int, text: str = "select 1;\n", *, down: bool = False) -> Migration:
    name = f"{version}_step"
    return Migration(version, "step", script(f"{name}.sql", text), script(f"{name}.down.sql") if down else None)


def row(of: Migration, *, success: bool = True) -> LedgerRow:
    return LedgerRow(of.version, of.description, datetime(2025, 1, 1, tzinfo=UTC), success, of.checksum, 1)


def ledger(*rows: LedgerRow, **under_way: Direction) -> Ledger:
    return Ledger({each.version: each for each in rows}, {int(key[1:]): way for key, way in under_way.items()})


ONE, TWO, THREE = migration(1), migration(2), migration(3)
BACK_1, BACK_2, BACK_3 = (migration(version, down=True) for version in (1, 2, 3))


def versions(migrations: tuple[Migration, ...]) -> list[int]:
    return [each.version for each in migrations]


def test_everything_is_pending_in_a_new_database() -> None:
    plan = plan_run([ONE, TWO], ledger())
    assert (versions(plan.todo), plan.notices) == ([1, 2], ())


def test_what_is_applied_is_left_alone() -> None:
    assert versions(plan_run([ONE, TWO], ledger(row(ONE))).todo) == [2]


def test_the_target_version_is_the_last_to_be_applied() -> None:
    plan = plan_run([ONE, TWO, THREE], ledger(row(ONE)), target_version=2)
    assert (versions(plan.todo), versions(plan.skipped)) == ([2], [3])


def test_a_target_that_is_reached_leaves_nothing_to_do() -> None:
    assert plan_run([ONE, TWO], ledger(row(ONE)), target_version=1).todo == ()


def test_a_target_that_is_no_migration_is_refused() -> None:
    with pytest.raises(MigrationError, match="There is no migration 9 to stop at; the versions go from 1 to 2"):
        plan_run([ONE, TWO], ledger(), target_version=9)


def test_a_target_below_what_is_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match="Version 1 is below the latest that is applied, 2"):
        plan_run([ONE, TWO], ledger(row(ONE), row(TWO)), target_version=1)


def test_an_applied_migration_without_a_file_is_refused_by_name() -> None:
    with pytest.raises(MigrationError, match='Migration 2 "step" was applied to this database and has no file here'):
        plan_run([ONE], ledger(row(ONE), row(TWO)))
    assert plan_run([ONE], ledger(row(ONE), row(TWO)), ignore_missing=True).todo == ()


def test_every_edited_file_is_named_and_nothing_before_it_is_applied() -> None:
    applied = ledger(row(TWO), row(THREE))
    files = [ONE, migration(2, "select 2;"), migration(3, "select 3;")]
    with pytest.raises(MigrationError) as caught:
        plan_run(files, applied)
    assert [line.partition(" ")[0] for line in str(caught.value).splitlines()] == [
        "migrations/2_step.sql",
        "migrations/3_step.sql",
    ]


@pytest.mark.parametrize(
    ("applied", "now", "words"),
    [
        ("a;\nb;\n", "a;\r\nb;\r\n", "was applied with LF line endings and has CRLF line endings now"),
        ("a;\r\nb;\r\n", "a;\nb;\n", "was applied with CRLF line endings and has LF line endings now"),
        ("a;\nb;\n", "a;\r\nb;\n", "was applied with LF line endings and has mixed line endings now"),
        ("\ufeffa;\nb;\n", "a;\nb;\n", "was applied with a byte order mark and the same line endings"),
        ("\ufeffa;\r\nb;\r\n", "a;\nb;\n", "was applied with a byte order mark and CRLF line endings"),
        ("a;\nb;\n", "a;\n\nb;\n", "was edited after it was applied"),
        ("a;\nb;\n", "a;\r\nc;\r\n", "was edited after it was applied"),
    ],
)
def test_line_endings_are_told_from_a_real_edit(applied: str, now: str, words: str) -> None:
    with pytest.raises(MigrationError) as caught:
        plan_run([migration(1, now)], ledger(row(migration(1, applied))))
    assert words in str(caught.value)


def test_out_of_order_is_applied_with_a_notice_or_refused() -> None:
    plan = plan_run([ONE, TWO, THREE], ledger(row(TWO)))
    assert versions(plan.todo) == [1, 3]
    assert [notice for notice in plan.notices if "1_step.sql is out of order: version 2" in notice] == [*plan.notices]
    with pytest.raises(MigrationError, match=r"1_step.sql would be applied out of order, after version 2"):
        plan_run([ONE, TWO, THREE], ledger(row(TWO)), allow_out_of_order=False)


def test_a_failure_that_is_not_assays_own_is_refused() -> None:
    with pytest.raises(MigrationError, match='Migration 1 "step" is marked as not successful in _sqlx_migrations'):
        plan_run([ONE], ledger(row(ONE, success=False)))


def test_a_file_that_stopped_halfway_is_pending_again() -> None:
    plan = plan_run([ONE, TWO], ledger(row(ONE, success=False), v1=Direction.UP))
    assert versions(plan.todo) == [1, 2]


def test_a_file_that_stopped_halfway_may_have_been_edited_since() -> None:
    changed = migration(1, "-- no-transaction\nselect 2;")
    assert versions(plan_run([changed], ledger(row(ONE, success=False), v1=Direction.UP)).todo) == [1]


def test_a_file_that_stopped_halfway_and_is_gone_is_refused() -> None:
    with pytest.raises(MigrationError, match='Migration 1 "step" stopped halfway and has no file any more'):
        plan_run([TWO], ledger(row(ONE, success=False), v1=Direction.UP), ignore_missing=True)


@pytest.mark.parametrize(("began", "command"), [(Direction.DOWN, "revert"), (Direction.UP, "run")])
def test_what_was_begun_in_one_direction_is_finished_in_it(began: Direction, command: str) -> None:
    state = ledger(row(BACK_1, success=False), v1=began)
    other = plan_run if began is Direction.DOWN else plan_revert
    with pytest.raises(MigrationError, match=f"finish that first with assay migrate {command}"):
        other([BACK_1], state)


def test_the_last_migration_with_a_down_file_is_reverted() -> None:
    plan = plan_revert([BACK_1, BACK_2, THREE], ledger(row(BACK_1), row(BACK_2), row(THREE)))
    assert versions(plan.todo) == [2]
    assert plan.notices == ("migrations/3_step.sql has no down file, so version 3 stays applied",)


def test_all_above_the_target_are_reverted_from_the_last_on() -> None:
    plan = plan_revert([BACK_1, BACK_2, BACK_3], ledger(row(BACK_1), row(BACK_2), row(BACK_3)), target_version=1)
    assert (versions(plan.todo), versions(plan.skipped)) == ([3, 2], [1])


def test_target_zero_reverts_everything_that_has_a_down_file() -> None:
    plan = plan_revert([BACK_1, TWO, BACK_3], ledger(row(BACK_1), row(TWO), row(BACK_3)), target_version=0)
    assert versions(plan.todo) == [3, 1]
    assert len(plan.notices) == 1


def test_what_is_not_applied_is_not_reverted() -> None:
    assert versions(plan_revert([BACK_1, BACK_2], ledger(row(BACK_1))).todo) == [1]
    assert plan_revert([BACK_1], ledger()).todo == ()


def test_an_edited_file_can_be_reverted() -> None:
    edited = replace(BACK_1, up=script("1_step.sql", "select 2;"))
    assert versions(plan_revert([edited], ledger(row(BACK_1))).todo) == [1]


def test_reverting_to_a_version_above_the_latest_is_refused() -> None:
    with pytest.raises(MigrationError, match="Version 2 is above the latest that is applied, 1"):
        plan_revert([BACK_1, BACK_2], ledger(row(BACK_1)), target_version=2)


def test_reverting_to_what_is_no_migration_is_refused() -> None:
    with pytest.raises(MigrationError, match="There is no migration 7 to stop at"):
        plan_revert([BACK_1], ledger(row(BACK_1)), target_version=7)


def test_reverting_with_a_missing_file_is_refused() -> None:
    with pytest.raises(MigrationError, match='Migration 1 "step" was applied'):
        plan_revert([TWO], ledger(row(ONE), row(TWO)))


def test_statuses_cover_files_and_ledger() -> None:
    edited = migration(2, "select 2;")
    found = statuses(
        [ONE, edited, THREE, migration(4), migration(6)],
        ledger(row(TWO), row(THREE), row(migration(4), success=False), row(migration(5)), v4=Direction.UP),
    )
    assert [(each.version, each.state, each.out_of_order) for each in found] == [
        (1, State.PENDING, True),
        (2, State.CHANGED, False),
        (3, State.INSTALLED, False),
        (4, State.UNFINISHED, False),
        (5, State.MISSING, False),
        (6, State.PENDING, False),
    ]
    assert [each.version for each in found if each.note] == [2, 4, 5]


@given(st.sets(st.integers(1, 9)), st.sets(st.integers(1, 9)))
def test_applying_what_is_planned_leaves_nothing_to_plan(files: set[int], applied: set[int]) -> None:
    migrations = [migration(version) for version in sorted(files | applied)]
    before = ledger(*(row(each) for each in migrations if each.version in applied))
    plan = plan_run(migrations, before)
    assert set(versions(plan.todo)) == files - applied
    assert versions(plan.todo) == sorted(versions(plan.todo))
    after = ledger(*before.rows.values(), *(row(each) for each in plan.todo))
    assert plan_run(migrations, after).todo == ()


@given(st.sets(st.integers(1, 9), min_size=1), st.data())
def test_reverting_to_a_target_leaves_what_is_at_or_below_it(applied: set[int], data: st.DataObject) -> None:
    target = data.draw(st.sampled_from([0, *sorted(applied)]))
    migrations = [migration(version, down=True) for version in sorted(applied)]
    plan = plan_revert(migrations, ledger(*(row(each) for each in migrations)), target_version=target)
    assert versions(plan.todo) == sorted((each for each in applied if each > target), reverse=True)
