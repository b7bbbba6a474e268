"""Rows that a call is given, many at once: taken apart into tuples of values, as quickly as they can be."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from keyword import iskeyword
from operator import length_hint
from typing import Any, TypeAlias

from assay.errors import Error, ParameterError
from assay.runtime.query import Fitted
from assay.runtime.rowclass import read_row_class
from assay.wording import counted

Values: TypeAlias = Sequence[Any]
Taking: TypeAlias = Callable[[Sequence[Any]], Sequence[Values]]

CHUNK = 500
"""Rows that are taken from the caller at a time; fewer new tuples than what garbage collection waits for (700)."""


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
    """Goes through rows once; ``number`` and ``row`` tell which one was sent last.

    A row is an object with fields (a dataclass, msgspec.Struct, attrs class, NamedTuple or pydantic model), a mapping,
    or, by position, a tuple or a list. Raises ParameterError, with the row's number, for what is none of these or
    lacks a value.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.is_finished = False
        """Whether the last row was taken."""
        self._wanted = wanted
        self._done = 0
        self._chunk: Sequence[Any] = ()
        self._tuples: Sequence[Values] = ()
        """The chunk's values."""
        self._rest: Iterator[Values] = iter(())
        """Of those, what has not been sent."""
        self._takings: dict[type, Taking] = {}

    @property
    def number(self) -> int:
        """Of the row that was sent last, from 1; 0 before the first."""
        return self._done + len(self._tuples) - length_hint(self._rest)

    @property
    def row(self) -> Values:
        """The values of the row that was sent last."""
        return self._tuples[self.number - self._done - 1]

    def tuples(self, rows: Iterable[Any]) -> Iterator[Values]:
        """The values of each row, in the wanted order."""
        return chain.from_iterable(map(self._take, self._chunks(rows)))

    def encoded(self, tuples: Iterator[Values], prepared: Fitted) -> Iterator[Values]:
        """The same in the form that the driver takes."""
        for values in tuples:
            try:
                yield prepared.encode(tuple(values))
            except ParameterError as error:
                raise ParameterError(f"{error.message}, in row {self.number}") from error.__cause__

    async def tuples_of_async(self, rows: AsyncIterable[Any], prepared: Fitted) -> AsyncIterator[Values]:
        """The same of rows that come from an asynchronous generator."""
        source = aiter(rows)
        while True:
            try:
                row = await anext(source)
            except StopAsyncIteration:
                return
            except Exception as error:
                raise RowsFailed(error) from None
            tuples = self._take((row,))
            for values in self.encoded(tuples, prepared) if prepared.encodes else tuples:
                yield values

    def _chunks(self, rows: Iterable[Any]) -> Iterator[list[Any]]:
        if type(rows) is list:
            start = 0
            while chunk := rows[start : start + CHUNK]:
                yield chunk
                start += len(chunk)
            self.is_finished = True
            return
        try:
            iterator = iter(rows)
            while chunk := [*islice(iterator, CHUNK)]:
                yield chunk
        except Exception as error:
            raise RowsFailed(error) from None
        self.is_finished = True

    def _take(self, chunk: Sequence[Any]) -> Iterator[Values]:
        self._done += len(self._chunk)
        self._chunk, self._tuples = chunk, ()
        types = [*map(type, chunk)]
        kinds = {types[0]} if _are_all(types, types[0]) else set(types)
        for kind in kinds - self._takings.keys():
            self._takings[kind] = self._taking(kind)
        for kind in kinds:
            self._check_sizes(kind, chunk)
        try:
            self._tuples = self._taken(kinds, chunk)
        except (AttributeError, KeyError):
            error = self._lacking()
            if error is None:
                raise
            raise error from None
        self._rest = iter(self._tuples)
        return self._rest

    def _taken(self, kinds: set[type], chunk: Sequence[Any]) -> Sequence[Values]:
        if len(kinds) == 1:
            return self._takings[kinds.pop()](chunk)
        return [self._takings[type(row)]((row,))[0] for row in chunk]

    def _taking(self, kind: type) -> Taking:
        """What takes the values from rows of a class."""
        wanted = self._wanted
        if wanted.names and issubclass(kind, Mapping):
            return _keys_taking(wanted.names)
        if wanted.names and read_row_class(kind) is not None:
            return _fields_taking(wanted.names)
        if wanted.by_position and issubclass(kind, (tuple, list)):
            return _as_they_are
        at = self._first(lambda row: type(row) is kind)
        raise ParameterError(f"Row {at} has the type {kind.__name__}; {self._accepted()} for {wanted.places}")

    def _accepted(self) -> str:
        by_position = "a tuple or a list" if self._wanted.by_position else ""
        by_name = "an object with fields or a mapping" if self._wanted.names else ""
        return f"give each row as {' or '.join(filter(None, (by_name, by_position)))}"

    def _lacking(self) -> ParameterError | None:
        """What is missing in the first row of the chunk in which something is."""
        for index, row in enumerate(self._chunk):
            is_mapping = isinstance(row, Mapping)
            if self._takings[type(row)] is _as_they_are:
                continue
            for name in self._wanted.names:
                if not (name in row if is_mapping else hasattr(row, name)):
                    what = "key" if is_mapping else "field"
                    return ParameterError(
                        f"Row {self._done + index + 1}, of the type {type(row).__name__}, has no {what} {name!r}; "
                        f"it needs {self._wanted.places}"
                    )
        return None

    def _check_sizes(self, kind: type[Any], chunk: Sequence[Any]) -> None:
        wanted = self._wanted
        is_mapping = issubclass(kind, Mapping)
        if not (self._takings[kind] is _as_they_are or (is_mapping and wanted.all_keys)):
            return
        if _are_all([*map(len, chunk)], wanted.count):
            return
        wrong = next((row for row in chunk if type(row) is kind and len(row) != wanted.count), None)
        if wrong is None:
            return
        at = self._first(lambda row: row is wrong)
        more = sorted(set(wrong) - set(wanted.names)) if is_mapping else []
        if more:
            raise ParameterError(f"Row {at} has the key {more[0]!r}, and there is no such column among {wanted.places}")
        if not is_mapping:
            values = counted(len(wrong), "value")
            raise ParameterError(f"Row {at} has {values}, and takes {wanted.count} for {wanted.places}")

    def _first(self, is_it: Callable[[Any], bool]) -> int:
        return self._done + 1 + next(index for index, row in enumerate(self._chunk) if is_it(row))


class RowsFailed(Error):
    """Carries an exception of the caller's own rows past what explains the exceptions of the driver."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


@contextmanager
def source_errors() -> Iterator[None]:
    """Let exceptions of the caller's rows out as they are."""
    try:
        yield
    except RowsFailed as failed:
        raise failed.error from failed.error.__cause__


def _are_all(found: list[Any], one: object) -> bool:
    """Whether they are all the same one; counting takes half the time of making a set."""
    return found.count(one) == len(found)


def _as_they_are(rows: Sequence[Any]) -> Sequence[Values]:
    return rows


def _keys_taking(names: tuple[str, ...]) -> Taking:
    return _compiled(f"row[{name!r}]" for name in names)


@lru_cache(maxsize=1024)
def _fields_taking(names: tuple[str, ...]) -> Taking:
    if all(name.isidentifier() and not iskeyword(name) for name in names):
        return _compiled(f"row.{name}" for name in names)
    return lambda rows: [tuple([getattr(row, name) for name in names]) for row in rows]


def _compiled(expressions: Iterable[str]) -> Taking:
    """A loop over rows that the interpreter adapts to their class, which takes half the time of ``attrgetter``."""
    made: Taking = eval(f"lambda rows: [({', '.join(expressions)},) for row in rows]")  # noqa: S307 - of names alone
    return made
