"""Descriptions kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures.fixing import column, described

from assay.proof.memory import Kept, Memory
from assay.server.binaries import Programs

ANSWERS = {
    "select 1": described(column("🐘", "int4")),
    "select 'é', $1": described(column("b", "text", null=True), params=1),
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    # Somebody may be at work on Assay itself while its tests run.
    monkeypatch.setattr("assay.proof.memory.state_of_assay", lambda: "as it is")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/postgres").touch()
    return Programs(tmp_path / "bin", "18")


@pytest.fixture
def memory(tmp_path: Path, programs: Programs) -> Memory:
    found = Memory(tmp_path / "home", programs, "f")
    found.add("18.6", Kept(), ANSWERS)
    return found


def test_what_is_asked_for_is_remembered_and_added_to(memory: Memory) -> None:
    kept = memory.read(["select 1", "select 2"])
    assert (kept.server_version, kept.descriptions) == ("18.6", {"select 1": ANSWERS["select 1"]})
    more = described(column("c", "int8"))
    memory.add("18.6", kept, {"select 2": more})
    assert memory.read([*ANSWERS, "select 2"]).descriptions == {**ANSWERS, "select 2": more}


def test_other_migrations_and_other_programs_have_their_own(tmp_path: Path, memory: Memory, programs: Programs) -> None:
    home = tmp_path / "home"
    assert Memory(home, programs, "f").read(ANSWERS).descriptions == ANSWERS
    assert Memory(home, programs, "g").read(ANSWERS) == Kept()
    programs.path("postgres").write_text("upgraded")
    assert Memory(home, programs, "f").read(ANSWERS) == Kept()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_damaged_file_is_forgotten(tmp_path: Path, memory: Memory, data: st.DataObject) -> None:
    (path,) = (tmp_path / "home/proofs").glob("*.json")
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(st.sampled_from([whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]]))
    try:
        path.write_bytes(damaged)
        assert memory.read(ANSWERS) == Kept()
    finally:
        path.write_bytes(whole)


def test_too_many_answers_are_forgotten_but_for_the_newest(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.proof.memory.MOST_ANSWERS", 2)
    new = {"select 2": described()}
    memory.add("18.6", memory.read(ANSWERS), new)
    assert memory.read([*ANSWERS, *new]).descriptions == new


def test_only_so_many_schemas_are_remembered(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.proof.memory.MOST_FILES", 3)
    for number in range(6):
        Memory(tmp_path / "home", programs, str(number)).add("18.6", Kept(), ANSWERS)
    assert len(list((tmp_path / "home/proofs").iterdir())) == 3


def test_a_home_that_cannot_be_written_is_no_fault(tmp_path: Path, programs: Programs) -> None:
    (tmp_path / "home").write_text("a file")
    memory = Memory(tmp_path / "home", programs, "f")
    memory.add("18.6", Kept(), ANSWERS)
    assert memory.read(ANSWERS) == Kept()
