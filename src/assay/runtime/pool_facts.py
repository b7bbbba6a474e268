"""What a pool tells of itself, and how its limits are changed: the same for tasks and for threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from assay.config import DatabaseUrl
    from assay.runtime.openings import Openings
    from assay.runtime.pool_options import PoolOptions
    from assay.runtime.stock import Counters


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A pool at one moment; what is counted is counted since it was opened."""

    min_connections: int
    max_connections: int
    open: int
    """Connections open: idle, in use or mending."""
    idle: int
    """Connections that can be handed out at once."""
    in_use: int
    """Connections that tasks hold."""
    mending: int
    """Connections being reset, rolled back, or waited for after a cancellation, before they are handed on."""
    opening: int
    """Connections being opened."""
    waiting: int
    """Tasks that wait for a connection."""
    acquired: int
    """Times that a connection was handed out."""
    waited: int
    """Times that a task had to wait for one."""
    wait_seconds: float
    """Seconds that tasks have waited, all together, timeouts included."""
    timeouts: int
    """Times that a task waited in vain for the acquire timeout."""
    opened: int
    """Connections opened."""
    closed: int
    """Connections closed or lost."""
    mended: int
    """Times that a connection had to be mended, or was shown to a hook, before it was handed on."""
    failed: int
    """Attempts to open a connection that failed."""


class Holder(Protocol):
    """What holds the sessions of a pool."""

    options: PoolOptions
    counters: Counters

    @property
    def opener(self) -> Openings:
        """How opening sessions went."""
        ...

    @property
    def in_use(self) -> int:
        """How many sessions are lent."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether sessions can be had."""
        ...

    def sizes(self) -> dict[str, int]:
        """How many sessions are in which state, and how many wait for one."""
        ...

    def resize(self, least: int | None, most: int | None) -> None:
        """Other limits from now on."""
        ...

    def drain(self) -> None:
        """Replace every session."""
        ...


class PoolFacts(ABC):
    """A pool, as far as nothing has to be waited for."""

    __slots__ = ()

    _url: DatabaseUrl

    @abstractmethod
    def _holder(self) -> Holder:
        """What holds the sessions."""

    @property
    def place(self) -> str:
        """Which database, in words for people: ``database "app" at db.example:5432``."""
        return self._url.place

    def resize(self, *, min_connections: int | None = None, max_connections: int | None = None) -> None:
        """Change the limits of the running pool. What is too much is closed at once, or when it comes back.

        Raises ConfigurationError for limits that cannot be used, and leaves the old ones.
        """
        self._holder().resize(min_connections, max_connections)

    def drain(self) -> None:
        """Replace every connection: the free ones at once, the others when they come back.

        For after a change that open sessions would not see: settings of the role, a failover, another password.
        """
        self._holder().drain()

    def stats(self) -> PoolStats:
        """The pool at this moment."""
        holder = self._holder()
        return PoolStats(
            min_connections=holder.options.min_connections,
            max_connections=holder.options.max_connections,
            **holder.sizes(),
            **asdict(holder.counters),
            failed=holder.opener.failed,
        )

    def __repr__(self) -> str:
        state = self._usage() if self._holder().is_open else "not open"
        return f"<Pool for {self._url.place}, {state}>"

    def _usage(self) -> str:
        holder = self._holder()
        return f"{holder.in_use} of {holder.options.max_connections} connections in use"

    def _unanswered(self, timeout: float) -> str:
        """For a check that was not over in so many seconds."""
        failure = self._holder().opener.last_failure
        why = f"; the last attempt to open one failed: {failure}" if failure else ""
        return f"No answer from {self._url.place} within {timeout:g} s: {self._usage()}{why}"
