"""Functions of the application's own that a pool calls on its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from assay.config import DatabaseUrl
from assay.errors import PoolError, UsageError
from assay.runtime.hooks import hook_failed, left_transaction
from assay.runtime.sync.connection import Connection
from assay.runtime.sync.session import Session
from assay.sql.footprint import Footprint

AfterConnect: TypeAlias = Callable[[Connection], None]
KeepOrClose: TypeAlias = Callable[[Connection], bool | None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to call, and when; each gets the connection for as long as it runs."""

    after_connect: AfterConnect | None = None
    before_acquire: KeepOrClose | None = None
    after_release: KeepOrClose | None = None

    def connected(self, session: Session, url: DatabaseUrl) -> None:
        """Call the hook of a new or reset connection; what it sets there belongs to the connection from now on.

        Raises PoolError when the hook raises or leaves a transaction open.
        """
        if self.after_connect is None:
            return
        _call(self.after_connect, "after_connect", session, url)
        session.footprint, session.lent_driver = Footprint.NONE, False

    def keeps(self, name: str, session: Session, url: DatabaseUrl) -> bool:
        """Call ``before_acquire`` or ``after_release``; whether the connection is kept.

        Raises PoolError when the hook raises or leaves a transaction open.
        """
        hook: KeepOrClose | None = getattr(self, name)
        return hook is None or _call(hook, name, session, url) is not False


def _call(hook: KeepOrClose | AfterConnect, name: str, session: Session, url: DatabaseUrl) -> bool | None:
    connection = Connection(session, url, own=False)
    try:
        kept = hook(connection)
        if session.in_transaction:
            raise UsageError(left_transaction())
        return kept
    except Exception as error:
        raise PoolError(hook_failed(name, error)) from error
    finally:
        connection.detach()
