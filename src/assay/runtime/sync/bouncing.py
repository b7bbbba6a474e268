"""Sessions through PgBouncer in transaction mode, where each transaction may meet another session of the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assay.errors import UsageError
from assay.runtime.bouncing import refuse_kept
from assay.runtime.query import Query
from assay.runtime.sync.session import Session
from assay.runtime.sync.statements import Prepared
from assay.sql.footprint import Footprint


class BouncedSession(Session):
    """A connection to PgBouncer: nothing is prepared by name, and what needs a session that is kept is refused."""

    __slots__ = ()

    @property
    def is_unsettled(self) -> bool:
        """Whether something has to be done before somebody else uses it."""
        return self.interrupted or self.lent_driver or self.is_busy or not self.wire.is_idle

    @contextmanager
    def using(
        self, query: Query | None = None, values: Sequence[object] = (), text: str | None = None
    ) -> Iterator[None]:
        """One request at a time. Raises UsageError for one that needs a session of its own."""
        if query is not None:
            refuse_kept(query)
        with super().using(query, values, text):
            yield

    def prepared(self, query: Query) -> Prepared:
        """The query as the server describes it now; it is sent anew each time."""
        return Prepared(query, self.describe(query, b""))

    def mend(self, *, always: bool, timeout: float) -> None:
        """Roll back what is open, or raise: then it must be closed. A reset would meet another session."""
        if self.lent_driver:
            raise UsageError("What was done with the driver cannot be known")
        self.footprint = Footprint.NONE
        super().mend(always=False, timeout=timeout)
