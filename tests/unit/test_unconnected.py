"""The settings by which libpq is kept from connecting are there only while the project's code runs."""

from __future__ import annotations

import os

import pytest

from assay.proof.unconnected import WORDS, Refused, Unconnected, is_refused


def test_settings_of_libpq_are_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "any")
    monkeypatch.delenv("PGREQUIREAUTH", raising=False)
    with pytest.raises(ValueError, match="x"), Unconnected(lambda: True).closed():
        assert os.environ["PGTARGETSESSIONATTRS"] == os.environ["PGREQUIREAUTH"] == WORDS
        raise ValueError("x")
    assert os.environ["PGTARGETSESSIONATTRS"] == "any"
    assert "PGREQUIREAUTH" not in os.environ


def _without_a_database() -> None:
    try:
        raise Refused(WORDS)
    except OSError as error:
        raise RuntimeError("no database") from error


def test_a_refusal_is_known_through_the_errors_that_are_raised_from_it() -> None:
    with pytest.raises(RuntimeError) as raised:
        _without_a_database()
    assert is_refused(raised.value)
    assert is_refused(ValueError(f'invalid require_auth value: "{WORDS}"'))
    assert not is_refused(ConnectionRefusedError("nobody listens"))


def test_errors_that_go_round_in_a_circle_are_looked_at_once() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_refused(one)
