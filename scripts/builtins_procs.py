"""The functions that PostgreSQL comes with, from its source's src/include/catalog/pg_proc.dat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_ENTRY = re.compile(r"^\{(.*?)\},?\s*$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"(\w+)\s*=>\s*'((?:[^'\\]|\\.)*)'", re.DOTALL)
_OUTPUT = "obt"
HIDDEN = frozenset({
    "internal", "cstring", "trigger", "event_trigger", "language_handler", "fdw_handler", "index_am_handler",
    "table_am_handler", "tsm_handler", "pg_ddl_command",
})  # fmt: skip
"""Types that no SQL expression can hold (manual section 8.21), less the polymorphic ones, record and void."""


@dataclass(frozen=True, slots=True)
class Proc:
    """A row of pg_proc; types by their names there."""

    oid: int
    name: str
    language: str
    kind: str
    strict: bool
    returns_set: bool
    volatility: str
    variadic: bool
    result: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    """The names of OUT, INOUT and TABLE columns."""
    symbol: str
    """pg_proc.prosrc, for internal functions the C function."""

    @property
    def signature(self) -> str:
        """Such as ``lower(text)``; unique but for the OID."""
        return f"{self.name}({','.join(self.arguments)})"

    @property
    def callable(self) -> bool:
        """Whether SQL can call it with values of its own."""
        types = {kind.removeprefix("_") for kind in (self.result, *self.arguments)}
        return self.kind == "f" and not HIDDEN & types and not {"void", "unknown"} & set(self.arguments)


def procs(root: Path) -> list[Proc]:
    """Read them from an unpacked source tree, in the order of their OIDs."""
    text = (root / "src/include/catalog/pg_proc.dat").read_text("utf-8")
    found = (
        _proc({name: value.replace("\\'", "'") for name, value in _FIELD.findall(entry)})
        for entry in _ENTRY.findall(text)
    )
    return sorted(found, key=lambda proc: proc.oid)


def _proc(row: dict[str, str]) -> Proc:
    modes = re.findall(r"\w+", row.get("proargmodes", ""))
    names = re.findall(r"\w+", row.get("proargnames", ""))
    return Proc(
        oid=int(row["oid"]),
        name=row["proname"],
        language=row.get("prolang", "internal"),
        kind=row.get("prokind", "f"),
        strict=row.get("proisstrict", "t") == "t",
        returns_set=row.get("proretset", "f") == "t",
        volatility=row.get("provolatile", "i"),
        variadic="provariadic" in row,
        result=row["prorettype"],
        arguments=tuple(row.get("proargtypes", "").split()),
        outputs=tuple(name for mode, name in zip(modes, names, strict=False) if mode in _OUTPUT),
        symbol=row.get("prosrc", row["proname"]),
    )
