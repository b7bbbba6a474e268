"""What can be told of a pool's work, and to whom: the protocol that Prometheus and OpenTelemetry are behind."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from assay.config import DatabaseUrl
from assay.runtime.pool_options import observed_name as observed_name

if TYPE_CHECKING:
    from assay.runtime.pool import PoolStats

_NAME = re.compile(r"\s*--\s*name\s*:\s*(\S[^\n]*?)\s*(?:\n|$)", re.IGNORECASE)
_WORD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)

_NOT_CALLERS = ("assay.runtime.", "assay.contrib.", "asyncio.", "contextlib")
_CAN_AWAIT = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(frozen=True, slots=True)
class Call:
    """A statement that ran, or was tried."""

    name: str
    """Of the query: what a leading comment ``-- name: ...`` says; else the function that made the call, such as
    ``app.devices.by_key``; else its first word."""
    sql: str
    """As it is in the code, with placeholders in the place of arguments."""
    started: int
    """When, in nanoseconds since 1970 (``time.time_ns``)."""
    seconds: float
    """How long it took until its result was there, or until it failed."""
    error: BaseException | None
    """What it failed with."""
    arguments: Sequence[object] = field(repr=False, default=())

    @property
    def operation(self) -> str:
        """The first word of the SQL, such as ``SELECT``."""
        return operation(self.sql)

    @property
    def sqlstate(self) -> str | None:
        """What the server gave as the reason of a failure; None when it gave none."""
        return getattr(self.error, "sqlstate", None) or None

    @property
    def failure(self) -> str | None:
        """What it failed with: the SQLSTATE, else the name of the error's class; None when it succeeded."""
        return None if self.error is None else self.sqlstate or type(self.error).__name__

    def shapes(self) -> str:
        """The arguments without their values: ``$1 str of 12, $2 int, $3 None``."""
        return ", ".join(f"${number} {_shape(value)}" for number, value in enumerate(self.arguments, 1))


@dataclass(frozen=True, slots=True)
class Observed:
    """A pool, as far as who observes it is concerned."""

    name: str
    """Given as ``name`` to the pool; else ``host:port/database``."""
    url: DatabaseUrl
    stats: Callable[[], PoolStats]
    """The pool at the moment of the call."""


class Observer(Protocol):
    """Is told of everything that a pool does. It is called between the steps of tasks, so it must be quick."""

    def opened(self, seconds: float) -> None:
        """A connection was opened, and that took so long."""

    def waited(self, seconds: float) -> None:
        """A task got a connection, and waited so long for it."""

    def timed_out(self) -> None:
        """A task waited in vain for the acquire timeout."""

    def used(self, seconds: float) -> None:
        """A task gave a connection back that it had held for so long."""

    def ran(self, call: Call) -> None:
        """A statement ran, or failed."""

    def closed(self) -> None:
        """The pool is closed; nothing more will come."""


ObserverFactory: TypeAlias = Callable[[Observed], Observer]
"""Makes the observer of a pool when it is opened, such as :class:`assay.contrib.prometheus.Prometheus`."""


def query_name(sql: str, *, awaits: bool = True) -> str:
    """The name of a query: by its leading comment, else by the function outside of Assay that runs it now.

    ``awaits`` says that this is a coroutine, as on the async surface.
    """
    return _written_name(sql) or caller(awaits=awaits) or operation(sql)


@lru_cache(maxsize=4096)
def operation(sql: str) -> str:
    """The first word of a statement, in capitals; ``SQL`` when it has none."""
    found = _WORD.match(sql)
    return found[1].upper() if found else "SQL"


def caller(*, awaits: bool = True) -> str | None:
    """The function that called Assay, as ``module.function``; None when a task was made of the call itself."""
    frame = calling_frame(awaits=awaits)
    if frame is None:
        return None
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}".replace(".<locals>", "")


def calling_frame(*, awaits: bool = True) -> FrameType | None:
    """The innermost frame that awaits Assay, or calls it, and is neither its own nor the library's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller, and quick
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_NOT_CALLERS):
        frame = frame.f_back
    # What awaits is a coroutine or a generator; a plain function is who runs the event loop.
    return frame if frame is not None and (not awaits or frame.f_code.co_flags & _CAN_AWAIT) else None


@lru_cache(maxsize=4096)
def _written_name(sql: str) -> str | None:
    found = _NAME.match(sql)
    return found[1] if found else None


def _shape(value: object) -> str:
    if value is None:
        return "None"
    sized = isinstance(value, (str, bytes, bytearray, list, tuple, dict, set, frozenset))
    return f"{type(value).__name__} of {len(value)}" if sized else type(value).__name__  # type: ignore[arg-type]  # sized
