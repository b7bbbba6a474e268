"""The queries of a project that use a table or a column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from assay.errors import UsageError
from assay.proof.discover.model import Place
from assay.proof.verdict import Verdict
from assay.sql.lexer import BLANK, Kind, tokenize
from assay.sql.names import folded


@dataclass(frozen=True, slots=True)
class Use:
    """A query that uses what was asked for."""

    place: Place
    method: str
    sql: str
    reads: tuple[str, ...]
    """The columns of it that are read, as ``schema.table.column``; through views too."""
    writes: tuple[str, ...]
    """The columns of it that are written; ``schema.table`` for rows deleted."""


@dataclass(frozen=True, slots=True)
class Impact:
    """Who uses a table or a column."""

    name: str
    uses: tuple[Use, ...]
    """In the order of the code."""
    unknown: tuple[Place, ...]
    """The calls whose statements could not be read, so that they may use it too."""
    queries: int
    close: str | None
    """A name that queries do use, when they use nothing of the one asked for."""
    lacking: str | None = None
    """What the schema lacks of what was asked for, in words; None when it has it, and when it was not looked at."""

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay impact --output-format json``."""
        return {
            "name": self.name,
            "queries": self.queries,
            "uses": [_use_to_json(use) for use in self.uses],
            "lacking": self.lacking,
            "unknown": [_place_to_json(place) for place in self.unknown],
        }


def impact(name: str, verdicts: Iterable[Verdict]) -> Impact:
    """Who uses ``table``, ``table.column``, ``schema.table`` or ``schema.table.column``.

    Names are folded as in SQL: to lower case, unless they stand in double quotes. Raises UsageError for anything else.
    """
    wanted = parse_name(name)
    verdicts = list(verdicts)
    uses = tuple(use for verdict in verdicts if (use := _use(wanted, verdict)) is not None)
    unknown = tuple(verdict.call.place for verdict in verdicts if _is_unread(verdict))
    return Impact(name, uses, unknown, len(verdicts), None if uses else _close(wanted, verdicts))


def parse_name(text: str) -> tuple[str, ...]:
    """The parts of a dotted name; raises UsageError when it is not one of one to three parts."""
    tokens = [token for token in tokenize(text) if token.kind not in BLANK]
    words = [text[token.start : token.end] for token in tokens]
    named = all(token.kind in (Kind.WORD, Kind.QUOTED) and token.closed for token in tokens[::2])
    if not named or any(word != "." for word in words[1::2]) or len(words) not in (1, 3, 5):
        raise UsageError(
            f'"{text}" is not the name of a table or column; write table, table.column or schema.table.column'
        )
    return tuple(folded(word) for word in words[::2])


def _use(wanted: tuple[str, ...], verdict: Verdict) -> Use | None:
    description = verdict.description
    if description is None or verdict.sql is None:
        return None
    reads, writes = (
        tuple(each for each in names if is_of(each, wanted)) for names in (description.reads, description.writes)
    )
    if not reads and not writes:
        return None
    return Use(verdict.call.place, verdict.call.surface.method, verdict.sql, reads, writes)


def is_of(used: str, wanted: tuple[str, ...]) -> bool:
    """Whether ``schema.table.column``, or ``schema.table``, is what a name of one to three parts means."""
    rest = used.partition(".")[2]
    name = ".".join(wanted)
    with_schema = used == name or used.startswith(f"{name}.")
    return (with_schema and len(wanted) > 1) or rest == name or (len(wanted) == 1 and rest.startswith(f"{name}."))


def _is_unread(verdict: Verdict) -> bool:
    return verdict.description is None or (bool(verdict.description.notes) and not verdict.description.reads)


def _close(wanted: tuple[str, ...], verdicts: Iterable[Verdict]) -> str | None:
    """The name of as many parts that comes close to one that is not used."""
    used = {name for verdict in verdicts if verdict.description for name in _touched(verdict)}
    candidates = {form for name in used for form in _forms(name, len(wanted))}
    close = get_close_matches(".".join(wanted), sorted(candidates), n=1, cutoff=0.75)
    return close[0] if close else None


def _touched(verdict: Verdict) -> Iterator[str]:
    if verdict.description is not None:
        yield from verdict.description.reads
        yield from verdict.description.writes


def _forms(name: str, parts: int) -> Iterator[str]:
    """The shorter names of ``schema.table.column`` that have so many parts."""
    words = name.split(".")
    if parts == 1:
        yield words[1]
    elif parts == 3:
        yield name
    else:
        yield ".".join(words[:2])
        yield ".".join(words[1:])


def _place_to_json(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}


def _use_to_json(use: Use) -> dict[str, Any]:
    sql = use.sql.encode(errors="replace").decode()
    named = {"method": use.method, "sql": sql, "reads": list(use.reads), "writes": list(use.writes)}
    return _place_to_json(use.place) | named
