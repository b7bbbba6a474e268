"""Connections kept from a forked child, which would share their sockets with its parent.

A child that wrote to such a socket would mix its statements with its parent's, and each would read the other's
answers. So in the child every pool and connection is turned into one that says so, and its sockets are left alone.
"""

from __future__ import annotations

import os
from typing import Any, NoReturn, Protocol
from weakref import WeakSet

from assay.errors import UsageError
from assay.runtime.session import Session


class Forkable(Protocol):
    """What holds sessions."""

    def disown(self) -> None:
        """Give up all sessions, in a child that was forked; this never waits."""
        ...


_HOLDERS: WeakSet[Any] = WeakSet()
_KEPT: list[object] = []
"""The parent's driver connections: were they collected as garbage here, they would warn of being left open."""


def keep_from_children(holder: Forkable) -> None:
    """See to it that a child forked from this process does not use what the holder holds."""
    _HOLDERS.add(holder)


def disown(session: Session) -> None:
    """Take the driver connection away from a session, in a child that was forked."""
    _KEPT.append((session.driver, session.forget_prepared()))
    driver: Any = _ParentsConnection()
    session.driver, session.busy, session.interrupted = driver, False, False


def _disown_all() -> None:
    for holder in [*_HOLDERS]:
        holder.disown()


class _ParentsConnection:
    """In place of a driver connection that belongs to the parent process."""

    def is_closed(self) -> bool:
        return True

    def is_in_transaction(self) -> bool:
        return False

    def terminate(self) -> None:
        """Nothing: the parent may still be using it."""

    async def close(self, **_: object) -> None:
        """Nothing, for the same reason."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            f"This connection was opened in the process {os.getppid()}, and this is a forked child of it, which must "
            "not share its socket; open a connection or a pool after the fork, in each process"
        )


os.register_at_fork(after_in_child=_disown_all)
