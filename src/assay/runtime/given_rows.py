"""Rows that a call is given, many at once: taken apart into tuples of values, as quickly as they can be."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter, itemgetter, length_hint
from typing import Any, TypeAlias

from assay.errors import ParameterError
from assay.runtime.query import Prepared
from assay.runtime.rowclass import read_row_class

Values: TypeAlias = Sequence[Any]
Taking: TypeAlias = Callable[[Any], Values]

CHUNK = 1000
"""Rows that are taken from the caller at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each row has to give."""

    names: tuple[str, ...]
    """The fields to take from an object or a mapping; empty where only values by position are taken."""
    count: int
    """How many values."""
    places: str
    """What they are for, in words: ``the parameters $1 to $2``."""
    all_keys: bool = False
    """Whether a mapping may have no other keys."""
    by_position: bool = True
    """Whether a plain tuple or list is taken, by position."""


class GivenRows:
    """Goes through rows once; ``number`` and ``row`` tell which one was taken last.

    A row is an object with fields (a dataclass, msgspec.Struct, attrs class, NamedTuple or pydantic model), a mapping,
    or, by position, a tuple or a list. Raises ParameterError, with the row's number, for what is none of these or
    lacks a value; for a field or a key that is missing, ``lacking`` gives the error once taking it has failed.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._done = 0
        self._chunk: Sequence[Any] = ()
        self._rest: Iterator[Any] = iter(())
        self._takings: dict[type, Taking] = {}

    @property
    def number(self) -> int:
        """Of the row that was taken last, from 1; 0 before the first."""
        return self._done + len(self._chunk) - length_hint(self._rest)

    @property
    def row(self) -> Values:
        """The values of the row that was taken last."""
        row = self._chunk[self.number - self._done - 1]
        return self._takings[type(row)](row)

    def tuples(self, rows: Iterable[Any]) -> Iterator[Values]:
        """The values of each row, in the wanted order."""
        iterator = iter(rows)
        return chain.from_iterable(map(self._take, iter(lambda: [*islice(iterator, CHUNK)], [])))

    def encoded(self, tuples: Iterator[Values], prepared: Prepared) -> Iterator[Values]:
        """The same in the form that the driver takes."""
        for values in tuples:
            try:
                yield prepared.encode(tuple(values))
            except ParameterError as error:
                raise ParameterError(f"{error.message}, in row {self.number}") from error.__cause__

    async def tuples_of_async(self, rows: AsyncIterable[Any]) -> AsyncIterator[Values]:
        """The same of rows that come from an asynchronous generator."""
        async for row in rows:
            for values in self._take((row,)):
                yield values

    def _take(self, chunk: Sequence[Any]) -> Iterator[Values]:
        self._done += len(self._chunk)
        self._chunk, self._rest = chunk, iter(chunk)
        kinds = set(map(type, chunk))
        for kind in kinds - self._takings.keys():
            self._takings[kind] = self._taking(kind)
        for kind in kinds:
            self._check_sizes(kind, chunk)
        if len(kinds) == 1:
            return map(self._takings[kinds.pop()], self._rest)
        takings = self._takings
        return (takings[type(row)](row) for row in self._rest)

    def _taking(self, kind: type) -> Taking:
        """What takes the values from rows of a class."""
        wanted = self._wanted
        if wanted.names and issubclass(kind, Mapping):
            return _together(itemgetter, wanted.names)
        row_class = read_row_class(kind) if wanted.names else None
        if row_class is not None:
            return _together(attrgetter, wanted.names)
        if wanted.by_position and issubclass(kind, (tuple, list)):
            return _as_it_is
        at = self._first(lambda row: type(row) is kind)
        raise ParameterError(f"Row {at} has the type {kind.__name__}; {self._accepted()} for {wanted.places}")

    def _accepted(self) -> str:
        by_position = "a tuple or a list" if self._wanted.by_position else ""
        by_name = "an object with fields or a mapping" if self._wanted.names else ""
        return f"give each row as {' or '.join(filter(None, (by_name, by_position)))}"

    def lacking(self) -> ParameterError | None:
        """What is wrong when taking values from a row has failed; None if nothing is missing in it."""
        row = self._chunk[self.number - self._done - 1]
        is_mapping = isinstance(row, Mapping)
        found = (name for name in self._wanted.names if not (name in row if is_mapping else hasattr(row, name)))
        name = next(found, None)
        if name is None:
            return None
        what = "key" if is_mapping else "field"
        return ParameterError(
            f"Row {self.number}, of the type {type(row).__name__}, has no {what} {name!r}; "
            f"it needs {self._wanted.places}"
        )

    def _check_sizes(self, kind: type[Any], chunk: Sequence[Any]) -> None:
        wanted = self._wanted
        is_mapping = issubclass(kind, Mapping)
        if not (self._takings[kind] is _as_it_is or (is_mapping and wanted.all_keys)):
            return
        if set(map(len, chunk)) <= {wanted.count}:
            return
        wrong = next((row for row in chunk if type(row) is kind and len(row) != wanted.count), None)
        if wrong is None:
            return
        at = self._first(lambda row: row is wrong)
        more = sorted(set(wrong) - set(wanted.names)) if is_mapping else []
        if more:
            raise ParameterError(f"Row {at} has the key {more[0]!r}, and there is no such column among {wanted.places}")
        if not is_mapping:
            raise ParameterError(f"Row {at} has {len(wrong)} values, and takes {wanted.count} for {wanted.places}")

    def _first(self, is_it: Callable[[Any], bool]) -> int:
        return self._done + 1 + next(index for index, row in enumerate(self._chunk) if is_it(row))


def _as_it_is(row: Any) -> Values:
    values: Values = row
    return values


def _together(getter: Callable[..., Any], names: tuple[str, ...]) -> Taking:
    """A getter of several values, which gives a tuple for one name as well."""
    take: Taking = getter(*names)
    return take if len(names) > 1 else lambda row: (take(row),)
