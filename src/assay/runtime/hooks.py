"""Functions of the application's own that a pool calls on its connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from assay.config import DatabaseUrl
from assay.errors import PoolError, UsageError
from assay.runtime.connection import Connection
from assay.runtime.session import Session
from assay.sql.footprint import Footprint

AfterConnect: TypeAlias = Callable[[Connection], Awaitable[None]]
KeepOrClose: TypeAlias = Callable[[Connection], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to call, and when; each gets the connection for as long as it runs."""

    after_connect: AfterConnect | None = None
    before_acquire: KeepOrClose | None = None
    after_release: KeepOrClose | None = None

    async def connected(self, session: Session, url: DatabaseUrl) -> None:
        """Call the hook of a new or reset connection; what it sets there belongs to the connection from now on.

        Raises PoolError when the hook raises or leaves a transaction open.
        """
        if self.after_connect is None:
            return
        await _call(self.after_connect, "after_connect", session, url)
        session.footprint, session.lent_driver = Footprint.NONE, False

    async def keeps(self, name: str, session: Session, url: DatabaseUrl) -> bool:
        """Call ``before_acquire`` or ``after_release``; whether the connection is kept.

        Raises PoolError when the hook raises or leaves a transaction open.
        """
        hook: KeepOrClose | None = getattr(self, name)
        return hook is None or await _call(hook, name, session, url) is not False


async def _call(hook: KeepOrClose | AfterConnect, name: str, session: Session, url: DatabaseUrl) -> bool | None:
    connection = Connection(session, url, own=False)
    try:
        kept = await hook(connection)
        if session.driver.is_in_transaction():
            raise UsageError(left_transaction())
        return kept
    except Exception as error:
        raise PoolError(hook_failed(name, error)) from error
    finally:
        connection.detach()


def left_transaction() -> str:
    """For a hook that did not end what it began."""
    return "it left a transaction open; commit it, or use transaction() as a block"


def hook_failed(name: str, error: Exception) -> str:
    """For a hook of that name that raised."""
    what = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
    return f"The pool's hook {name} failed, and its connection was closed: {what}"
