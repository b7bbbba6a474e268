"""Findings of Squawk, a linter that reads migrations without a server; run as the program it is.

What it says of locks, rewrites and dropped data is left out: that is measured here. Source: squawk-cli 2.70, rules at
https://squawkhq.com/docs/rules.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.errors import MigrationError
from assay.migrate.model import Script
from assay.proof.findings import Finding, Rule
from assay.proof.place import Place
from assay.schema.lint.model import Effect, MeasuredFile, Mode

_MEASURED = frozenset({
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-database",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-reindex",
    "require-lock-timeout",
    "require-timeout-settings",
})  # fmt: skip
"""Rules that guess from the words what a scratch server has told."""
_SETTLED = frozenset({
    "ban-concurrent-index-creation-in-transaction",
    "ban-uncommitted-transaction",
    "prefer-robust-stmts",
    "require-statement-timeout",
    "syntax-error",
    "transaction-nesting",
})  # fmt: skip
"""Rules about what the runner sees to: a file takes effect as a whole or goes on where it stopped."""

_OF_WHAT_IS_THERE = frozenset({
    "ban-alter-generated-expression",
    "ban-alter-identity",
    "ban-alter-row-level-security",
    "ban-alter-view-options",
    "ban-create-policy",
    "ban-detach-inheritance",
    "ban-disable-trigger",
    "ban-drop-constraint",
    "ban-drop-generated-expression",
    "ban-drop-index",
    "ban-drop-not-null",
    "ban-drop-policy",
    "ban-drop-view",
    "ban-replica-identity",
    "ban-set-default",
    "ban-truncate-cascade",
    "prefer-repack",
    "renaming-column",
    "renaming-table",
    "require-concurrent-partition-detach",
})  # fmt: skip
"""Rules about tables and views that have rows or clients; what the pending migrations themselves create has neither."""


def squawk_program() -> Path | None:
    """Where the program is: beside this Python, or on the PATH; None when it is not installed."""
    beside = Path(sys.executable).parent / "squawk"
    if beside.is_file():
        return beside
    found = shutil.which("squawk")
    return Path(found) if found is not None else None


def squawk_findings(program: Path, file: MeasuredFile, version: str) -> Iterator[Finding]:
    """What Squawk says of a file, as warnings under its own rules' names.

    Args:
        program: Squawk.
        file: the file, and what its statements did.
        version: of the server, as ``18`` or ``15``.

    Raises MigrationError when the program does not answer as version 2 does.
    """
    script = file.ready.script
    for told in _told(program, script, version):
        rule = told["rule_name"]
        if rule in _MEASURED or rule in _SETTLED:
            continue
        place = _place(script, told["line"], told["column"])
        if rule in _OF_WHAT_IS_THERE and not _is_of_the_base(_effect_at(file.effects, place)):
            continue
        message = " ".join(str(told["message"]).split())
        yield Finding(Rule(rule, rule, "warning", message, ""), place, message, fix=told.get("help") or "")


def _effect_at(effects: Sequence[Effect], place: Place) -> Effect | None:
    """What the statement did that a place is in."""
    before = [effect for effect in effects if (effect.place.line, effect.place.column) <= (place.line, place.column)]
    return before[-1] if before else None


def _is_of_the_base(effect: Effect | None) -> bool:
    """Whether a statement is about a table or a view that was there before the pending migrations.

    It locks it, or has it locked by an earlier statement; then its name tells.
    """
    if effect is None or any(lock.mode is not Mode.ACCESS_SHARE for lock in effect.locks):
        return True
    return any(lock.table.rpartition(".")[2].strip('"') in effect.text for lock in effect.held)


def _place(script: Script, line: int, column: int) -> Place:
    """A place as Squawk tells it: the line from 0, and the column in bytes of UTF-8 from 0."""
    text = script.sql.split("\n")[line].encode()[:column].decode(errors="ignore")
    return Place(str(script.path), line + 1, len(text) + 1)


def _told(program: Path, script: Script, version: str) -> list[dict[str, Any]]:
    command = [str(program), "--reporter", "json", "--stdin-filepath", script.path.name, "--pg-version", f"{version}.0"]
    if not script.no_transaction:
        command.append("--assume-in-transaction")
    done = subprocess.run(command, input=script.sql.encode(), capture_output=True, check=False, timeout=60)  # noqa: S603
    try:
        found = msgspec.json.decode(done.stdout or b"[]", type=list[dict[str, Any]])
    except msgspec.DecodeError:
        found = None
    if found is None or done.returncode not in (0, 1):
        words = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise MigrationError(f"{program} did not answer as Squawk 2 does: {words}; leave it out with --no-squawk")
    return found
