"""Reads that see one's own writes, though replicas answer them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

from assay.errors import Error
from assay.runtime.building import Builder
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.trail import Trail
from assay.runtime.sync.queries import Lender
from assay.runtime.sync.replicas.looking import inserted
from assay.runtime.sync.session import Session
from assay.runtime.sync.transaction import Transactions


class Home(Lender, Protocol):
    """The pool that a :class:`Following` runs on, which lends sessions of the primary."""

    def position(self) -> Position:
        """Where the primary's log ends."""
        ...

    def fetch_for(
        self, following: Following, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        """Run a statement where it sees what it has to see."""
        ...

    def execute_for(self, following: Following, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement on the primary."""
        ...


class Following(Trail, Transactions):
    """An executor of a pool whose reads see every write made through it before.

    Any number of threads may use it. It holds no connection.
    """

    __slots__ = ("_home",)

    def __init__(self, home: Home, after: Position | None, wait: float) -> None:
        super().__init__(after, wait)
        self._home = home

    def position(self) -> Position | None:
        """A position that reads elsewhere must have reached to see what was written here; None if nothing was.

        Its text can travel, such as in a cookie: ``str(position)``, and :meth:`Position.parse` at the other end.
        """
        if self.wrote:
            mark = self.mark
            self.reach(self._home.position(), mark)
        return self._after

    def note(self, session: Session) -> None:
        """Take the position in a session of the primary; when that fails, the next read does."""
        mark = self.mark
        with suppress(Error):
            self.reach(inserted(session), mark)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held that would have to be given back."""

    def lend(self) -> Session:
        """A session of the primary."""
        return self._home.lend()

    def take_back(self, session: Session) -> None:
        """Take it back; something may have been written in it."""
        self.has_written()
        self._home.take_back(session)

    def take_back_later(self, session: Session) -> None:
        """The same without waiting for anything."""
        self.has_written()
        self._home.take_back_later(session)

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""
        return self._home.holds(session)

    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        return self._home.fetch_for(self, row, sql, args, named)

    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        return self._home.execute_for(self, sql, args, named)
