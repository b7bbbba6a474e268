"""The progress bar: on a terminal, after a while, and gone at the end."""

from __future__ import annotations

import io
import sys

import pytest

from assay.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("Proving", patience=0) as told:
        assert told is None


def test_a_short_run_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("Proving", patience=3600) as told:
        assert told is not None
        told(1, 2)
    assert terminal.getvalue() == ""


def test_a_long_run_shows_a_bar_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("Proving", patience=0) as told:
        assert told is not None
        for done in (1, 2, 4):
            told(done, 4)
    assert "Proving" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K")


def test_a_failed_run_clears_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(KeyboardInterrupt), progress_bar("Proving", patience=0) as told:
        assert told is not None
        told(1, 4)
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[?25h\n\x1b[1A\x1b[2K")
