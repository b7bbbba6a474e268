"""New sessions for a pool, with pauses after attempts that failed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from assay.errors import Error
from assay.runtime.openings import Openings
from assay.runtime.session import Session


class Opener(Openings):
    """Opens sessions, and remembers how that went."""

    def __init__(self, open_session: Callable[[], Coroutine[Any, Any, Session]]) -> None:
        super().__init__(monotonic)
        self._open_session = open_session

    async def open(self, max_lifetime: float) -> Session:
        """A new session, counted as under way before.

        Args:
            max_lifetime: seconds after which it is to be replaced; 0 for never.

        Raises what :func:`assay.runtime.connecting.open_connection` raises, and PoolError for a hook that fails.
        """
        try:
            session = await self._open_session()
        except Error as error:
            self.went_wrong(error)
            raise
        finally:
            self.under_way -= 1
        self.succeeded()
        session.expires_at = self.expiry(max_lifetime)
        return session
