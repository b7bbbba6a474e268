"""Writes src/assay/proof/builtins/pg*.txt, the lists of built-in functions that never return NULL.

usage: generate_builtins.py VERSION=SOURCE [VERSION=SOURCE ...]

SOURCE is the unpacked source of a PostgreSQL of that major version, for instance Debian's source package: with a
deb-src line for the release that has it, ``apt-get source postgresql-15``. Versions without a source get the entries
that the neighbouring versions agree on. docs/decisions/0003-builtins-that-never-return-null.md tells why.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from builtins_by_hand import ALWAYS, COLUMNS, EITHER, NEEDS, SAFE_VOLATILE, TEXT_CAST, TOTAL
from builtins_csource import CSource
from builtins_nulls import NullRule
from builtins_procs import Proc, procs

TARGET = Path(__file__).parents[1] / "src/assay/proof/builtins"
VERSIONS = (14, 15, 16, 17, 18)
SECTIONS = {
    "total": "no NULL for arguments that are not NULL; of a set, no NULL in its one column",
    "always": "no NULL for any arguments, unless called with VARIADIC",
    "needs": "not strict; NULL only if one of the arguments named, counted from 0, is NULL",
    "either": "not strict; NULL only if all arguments are NULL",
    "text cast": "total, unless a cast function to text that users made gives NULL",
    "columns": "OUT columns that are never NULL (+) and may be NULL (-)",
    "safe volatile": "volatile, but writes nothing and may run on a replica",
    "refused by replica": "not volatile, and yet an error on a replica",
    "in sql": "functions of these lists that are written in SQL; the others are internal ones",
}
Entries = dict[str, dict[int, str]]


@dataclass(slots=True)
class Answer:
    """What was found for one version."""

    entries: Entries = field(default_factory=lambda: {section: {} for section in SECTIONS})
    excluded: Counter[str] = field(default_factory=Counter)
    strict: int = 0
    used: set[str] = field(default_factory=set)

    def add(self, section: str, proc: Proc, detail: str = "") -> None:
        """List a function."""
        self.entries[section][proc.oid] = f"{proc.oid} {proc.signature} {detail}".rstrip()


def main(arguments: list[str]) -> None:
    """Generate the lists for the versions given, then those of the others."""
    sources = {int(version): Path(path) for version, _, path in (argument.partition("=") for argument in arguments)}
    if not sources:
        raise SystemExit(__doc__)
    answers = {version: answer_for(root) for version, root in sorted(sources.items())}
    _check_hand_entries(answers)
    for version in VERSIONS:
        if version in answers:
            write(version, answers[version].entries, "read from its source")
            _report(version, answers[version])
        else:
            near = [answer.entries for answer in answers.values()]
            write(version, agreed(near), f"the entries that {' and '.join(map(str, sorted(answers)))} share")


def answer_for(root: Path) -> Answer:
    """Work out the lists of one version from its source."""
    rule, answer = NullRule(CSource.read(root)), Answer()
    for proc in procs(root):
        answer.strict += proc.strict and proc.kind == "f"
        if proc.callable:
            _judge(proc, rule, answer)
        elif proc.strict and proc.kind == "f":
            answer.excluded["takes or gives what SQL cannot hold (internal, cstring, trigger, ...)"] += 1
    return answer


def _judge(proc: Proc, rule: NullRule, answer: Answer) -> None:
    keys = {proc.name, proc.signature}
    for table in (ALWAYS, NEEDS, EITHER, TOTAL, TEXT_CAST, COLUMNS, SAFE_VOLATILE):
        answer.used |= keys & set(table)
    reason = _reason(proc, keys, rule)
    if not reason:
        answer.add("total", proc)
        if not proc.returns_set and (keys & ALWAYS or not proc.arguments or _loose_and_clean(proc, rule)):
            answer.add("always", proc)
        columns = _columns(proc, keys, rule)
        if "+" in columns:
            answer.add("columns", proc, columns)
    elif proc.strict:
        answer.excluded[reason] += 1
    if proc.volatility != "v" and rule.refuses_recovery(proc.symbol):
        answer.add("refused by replica", proc)
    _others(proc, keys, answer)
    if proc.language == "sql" and any(proc.oid in entries for entries in answer.entries.values()):
        answer.add("in sql", proc)


def _columns(proc: Proc, keys: set[str], rule: NullRule) -> str:
    """Which OUT columns are never NULL, as a string of + and -."""
    named = next((COLUMNS[key] for key in keys if key in COLUMNS), "")
    if named == "*" or len(proc.outputs) == 1 or rule.fills_columns(proc.symbol, len(proc.outputs)):
        return "+" * len(proc.outputs)
    return "".join("+" if name in named.split() else "-" for name in proc.outputs)


def _loose_and_clean(proc: Proc, rule: NullRule) -> bool:
    return not proc.strict and proc.language == "internal" and not rule.reason(proc.symbol)


def _others(proc: Proc, keys: set[str], answer: Answer) -> None:
    for key in keys & set(NEEDS):
        answer.add("needs", proc, ",".join(map(str, NEEDS[key])))
    if keys & EITHER:
        answer.add("either", proc)
    if keys & TEXT_CAST:
        answer.add("text cast", proc)
    if keys & SAFE_VOLATILE and proc.volatility == "v":
        answer.add("safe volatile", proc)


def _reason(proc: Proc, keys: set[str], rule: NullRule) -> str:
    """Why a function is not total; empty if it is."""
    if keys & (ALWAYS | EITHER | TOTAL | set(NEEDS)):
        return ""
    if keys & TEXT_CAST:
        return "casts to text"
    stores = proc.returns_set and (proc.language == "sql" or rule.fills_tuplestore(proc.symbol))
    if stores and len(proc.outputs) > 1:
        return ""  # a row that is stored is a row, whatever is in it
    if proc.language != "internal":
        return "in SQL, and may give NULL"
    if stores:
        return "fills a tuplestore, and may put NULL in it"
    found = rule.reason(proc.symbol)
    return "may return NULL by its C source" if found else ""


def agreed(several: list[Entries]) -> Entries:
    """The entries that are the same in all."""
    first, *others = several
    return {
        section: {oid: line for oid, line in lines.items() if all(entry[section].get(oid) == line for entry in others)}
        for section, lines in first.items()
    }


def write(version: int, entries: Entries, how: str) -> None:
    """Write one version's file."""
    lines = [
        f"# Built-in functions of PostgreSQL {version} that give no NULL: {how}.",
        "# Made by: python scripts/generate_builtins.py 15=SOURCE 18=SOURCE    Do not edit.",
    ]
    for section, meaning in SECTIONS.items():
        lines += ["", f"[{section}]", f"# {meaning}", *(entries[section][oid] for oid in sorted(entries[section]))]
    (TARGET / f"pg{version}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _check_hand_entries(answers: dict[int, Answer]) -> None:
    written = {*ALWAYS, *NEEDS, *EITHER, *TOTAL, *TEXT_CAST, *COLUMNS, *SAFE_VOLATILE}
    unknown = written.difference(*(answer.used for answer in answers.values()))
    if unknown:
        raise SystemExit(f"builtins_by_hand.py names functions that no version has: {', '.join(sorted(unknown))}")


def _report(version: int, answer: Answer) -> None:
    counts = ", ".join(f"{len(lines)} {section}" for section, lines in answer.entries.items())
    print(f"PostgreSQL {version}: {answer.strict} strict functions; listed: {counts}")
    for reason, count in answer.excluded.most_common():
        print(f"  {count:5} strict ones not listed: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
