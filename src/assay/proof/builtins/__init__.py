"""Which of PostgreSQL's own functions never return NULL, by lists that are read from its source.

The lists are the files ``pg14.txt`` to ``pg18.txt`` beside this one; scripts/generate_builtins.py makes them, and
tests/soundness/test_builtins_fuzz.py tries them on real servers. In a call with VARIADIC before its last argument, only
``total`` holds: ``concat(VARIADIC NULL)`` is NULL.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from assay.catalog.model import Function

KNOWN = (14, 15, 16, 17, 18)
"""The major versions that there is a list for."""

_DATES = frozenset({1171, 1384, 2021, 6199, 6202, 6203})
"""date_part() and extract() of date, timestamp and timestamptz."""
_INTERVALS = frozenset({1172, 6204})
_GROWING = frozenset({"epoch", "year", "decade", "century", "millennium"})
_EXTRACT = {oid: _GROWING | {"julian", "isoyear"} for oid in _DATES} | {
    oid: _GROWING | {"day", "hour"} for oid in _INTERVALS
}
"""The fields that are infinite, not NULL, in an infinite value: NonFiniteTimestampTzPart() and NonFiniteIntervalPart()
in src/backend/utils/adt/timestamp.c, extract_date() in date.c; manual section 9.9.1."""


class Builtins:
    """The lists of one version. A function that is on none of them may return NULL."""

    def __init__(self, lists: dict[str, dict[int, tuple[str, str]]]) -> None:
        self._lists = lists

    @classmethod
    def of(cls, version: int) -> Builtins:
        """The lists for a server's major version; for one newer than all that are known, what those agree on."""
        return _of(version)

    def total(self, function: Function) -> bool:
        """Whether the result is not NULL where no argument is; of a set of one column, no row of it."""
        return self._detail("total", function) is not None

    def always(self, function: Function) -> bool:
        """Whether the result is not NULL whatever the arguments are, NULL included."""
        return self._detail("always", function) is not None

    def needs(self, function: Function) -> tuple[int, ...] | None:
        """For functions that are not strict: the arguments, counted from 0, that must not be NULL."""
        detail = self._detail("needs", function)
        return None if detail is None else tuple(map(int, detail.split(",")))

    def either(self, function: Function) -> bool:
        """Whether the result is NULL only where all arguments are."""
        return self._detail("either", function) is not None

    def total_by_text_cast(self, function: Function) -> bool:
        """Whether it is total as long as no cast to text is by a function that users made.

        Such are ``text || anynonarray`` and quote_literal(anyelement), which cast to text when they run.
        """
        return self._detail("text cast", function) is not None

    def columns(self, function: Function) -> tuple[bool, ...] | None:
        """Which OUT columns are never NULL in FROM, in the order of the result; None where nothing is known.

        This is whatever the arguments are: so it is only for functions that return sets or take no arguments.
        """
        return self.columns_given_values(function) if function.returns_set or not function.argument_types else None

    def columns_given_values(self, function: Function) -> tuple[bool, ...] | None:
        """Which OUT columns are never NULL where no argument is.

        A strict function that returns no set gives one row of NULLs for a NULL argument.
        """
        detail = self._detail("columns", function)
        return None if detail is None else tuple(mark == "+" for mark in detail)

    def safe_volatile(self, function: Function) -> bool:
        """Whether it is volatile, yet writes nothing and may run on a replica."""
        return self._detail("safe volatile", function) is not None

    def refused_by_replica(self, function: Function) -> bool:
        """Whether it is an error on a replica although it is not volatile, such as txid_current()."""
        return self._detail("refused by replica", function) is not None

    def extract_total(self, function: Function, field: str) -> bool:
        """Whether extract() or date_part() of a value that is not NULL is not NULL for this field, written out."""
        if self.total(function):
            return True
        return (
            function.name in ("extract", "date_part")
            and function.schema == "pg_catalog"
            and field.lower() in _EXTRACT.get(function.oid, ())
        )

    def _detail(self, section: str, function: Function) -> str | None:
        name, detail = self._lists[section].get(function.oid, ("", ""))
        language = "sql" if function.oid in self._lists["in sql"] else "internal"
        ours = (function.schema, function.name, function.language) == ("pg_catalog", name, language)
        return detail if ours else None


_SECTIONS = (
    "total", "always", "needs", "either", "text cast", "columns", "safe volatile", "refused by replica", "in sql",
)  # fmt: skip


@cache
def _of(version: int) -> Builtins:
    if version in KNOWN:
        return Builtins(_read(version))
    if version < KNOWN[0]:
        return Builtins({section: {} for section in _SECTIONS})
    several = [_read(known) for known in KNOWN]
    return Builtins({section: _agreed([lists[section] for lists in several]) for section in _SECTIONS})


def _agreed(lists: list[dict[int, tuple[str, str]]]) -> dict[int, tuple[str, str]]:
    return {oid: entry for oid, entry in lists[-1].items() if all(one.get(oid) == entry for one in lists)}


def _read(version: int) -> dict[str, dict[int, tuple[str, str]]]:
    """A list's sections: by OID the name, and what follows the signature."""
    lists: dict[str, dict[int, tuple[str, str]]] = {section: {} for section in _SECTIONS}
    section = ""
    for line in (files(__name__) / f"pg{version}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            oid, signature, *detail = line.split(" ")
            lists[section][int(oid)] = (signature.partition("(")[0], detail[0] if detail else "")
    return lists
