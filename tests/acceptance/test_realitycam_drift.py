"""A backend that drifts from its schema: each slip gives exactly one finding, at the right place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from backends.common.testing import BACKENDS, copy_backend, replace_once, run_assay

from assay.config import DatabaseUrl

QUERY = "queries/verification_logs.py"
"""It has one query, ``record``, so that a slip that concerns its table concerns it alone."""


@dataclass(frozen=True, slots=True)
class Found:
    code: str
    message: str
    place: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A copy of RealityCam, and a server to prove it on."""

    folder: Path
    server: DatabaseUrl

    def change(self, file: str, old: str, new: str) -> None:
        replace_once(next(self.folder.glob(file)), old, new)

    def place(self, file: str, text: str) -> str:
        """Where a text that is there once stands, as ``file:line:column``, both from 1."""
        source = (self.folder / file).read_text()
        assert source.count(text) == 1
        before = source[: source.index(text)]
        return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"

    def check(self) -> list[Found]:
        arguments = ("check", "--strict", "--output-format", "json", "--database-url", self.server.reveal())
        done = run_assay(self.folder, *arguments)
        report = json.loads(done.stdout)
        assert done.returncode == bool(report["findings"]), done.stderr
        assert report["proved"] == len(report["queries"]) - len(report["findings"])
        return [
            Found(one["code"], one["message"], "{path}:{line}:{column}".format(**one)) for one in report["findings"]
        ]


@pytest.fixture
def backend(tmp_path: Path, server: DatabaseUrl) -> Backend:
    return Backend(copy_backend(BACKENDS / "realitycam", tmp_path), server)


def test_the_backend_as_it_is_has_no_finding(backend: Backend) -> None:
    assert backend.check() == []


def test_a_column_renamed_in_a_migration_is_found_where_the_query_names_it(backend: Backend) -> None:
    backend.change("migrations/*_create_verification_logs.sql", "user_agent text", "agent text")
    (found,) = backend.check()
    assert found.code == "ASY101"
    assert '"user_agent"' in found.message
    assert found.place == backend.place(QUERY, "user_agent)\n        values")


def test_a_not_null_dropped_in_a_migration_is_found_at_the_call_whose_row_class_relies_on_it(backend: Backend) -> None:
    backend.change(
        "migrations/*_create_verification_logs.sql", "created_at timestamptz not null", "created_at timestamptz"
    )
    (found,) = backend.check()
    assert found.code == "ASY203"
    assert found.message == 'column "created_at" may be NULL, VerificationLog.created_at is datetime'
    assert found.place == backend.place(QUERY, "db.fetch_one(")


def test_a_field_whose_type_was_changed_is_found_at_the_call_that_fills_it(backend: Backend) -> None:
    backend.change("models.py", "user_agent: str | None", "user_agent: int | None")
    (found,) = backend.check()
    assert found.code == "ASY204"
    assert found.message == 'column "user_agent" is text, VerificationLog.user_agent is int | None'
    assert found.place == backend.place(QUERY, "db.fetch_one(")


def test_a_misspelled_parameter_is_found_at_the_placeholder_that_nothing_is_given_for(backend: Backend) -> None:
    backend.change(QUERY, "client_ip=client_ip,", "clientip=client_ip,")
    (found,) = backend.check()
    assert found.code == "ASY301"
    assert "does not give :client_ip" in found.message
    assert "clientip=" in found.message
    assert found.place == backend.place(QUERY, ":client_ip")
