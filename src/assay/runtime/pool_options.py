"""The limits of a pool: from arguments, the environment and ``.env``, in that order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from assay.config import DatabaseUrl, environment, truth
from assay.errors import ConfigurationError

Reset: TypeAlias = Literal["auto", "always"]


def observed_name(url: DatabaseUrl) -> str:
    """What a pool without a name is called, as OpenTelemetry's conventions have it."""
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or url.user or ''}"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """A pool's limits; times in seconds."""

    min_connections: int = 2
    """Kept open even when nobody uses them. More make the first requests after a quiet time faster."""
    max_connections: int = 10
    """Never more than these. The server's max_connections must be enough for all pools together."""
    acquire_timeout: float = 30.0
    """How long a task waits for a connection before PoolTimeout."""
    idle_timeout: float = 600.0
    """Connections above the minimum are closed when nobody has used them for so long; 0 keeps them."""
    max_lifetime: float = 1800.0
    """A connection is replaced when it is so old, less up to a tenth by chance so that not all go at once; 0: never."""
    connect_timeout: float = 10.0
    """How long the server may take to accept a connection."""
    reset: Reset = "auto"
    """``auto`` resets a session that ran something which leaves state; ``always`` resets after every use."""
    pgbouncer: bool = False
    """Whether PgBouncer in transaction mode stands in between, so that each transaction may meet another session."""
    leak_after: float = 0.0
    """A connection held for longer is written to the log, with the place where it was taken; 0: never."""
    slow_query: float = 0.0
    """A statement that takes longer is written to the log, without its arguments' values; 0: never."""

    def __post_init__(self) -> None:
        if self.max_connections < 1:
            raise ConfigurationError(f"max_connections is {self.max_connections}; a pool needs at least 1")
        if not 0 <= self.min_connections <= self.max_connections:
            raise ConfigurationError(
                f"min_connections is {self.min_connections}; it must be from 0 to max_connections, "
                f"which is {self.max_connections}"
            )
        for name in ("acquire_timeout", "connect_timeout"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} is {getattr(self, name):g}; it must be more than 0 seconds")
        for name in ("idle_timeout", "max_lifetime", "leak_after", "slow_query"):
            if not getattr(self, name) >= 0:
                raise ConfigurationError(f"{name} is {getattr(self, name):g}; it must be 0 or more seconds")
        if self.reset not in get_args(Reset):
            raise ConfigurationError(f"reset is {self.reset!r}; it takes 'auto' or 'always'")
        if self.pgbouncer and self.reset == "always":
            raise ConfigurationError(
                "reset='always' cannot be kept with pgbouncer=True: the session that a reset would meet is not the one "
                "that was used; leave reset out"
            )


_VARIABLES: dict[str, tuple[str, type[int] | type[float]]] = {
    "min_connections": ("DB_MIN_CONNECTIONS", int),
    "max_connections": ("DB_MAX_CONNECTIONS", int),
    "acquire_timeout": ("DB_ACQUIRE_TIMEOUT", float),
    "idle_timeout": ("DB_IDLE_TIMEOUT", float),
    "max_lifetime": ("DB_MAX_LIFETIME", float),
    "connect_timeout": ("DB_CONNECT_TIMEOUT", float),
    "leak_after": ("DB_LEAK_AFTER", float),
    "slow_query": ("DB_SLOW_QUERY", float),
}
"""The environment's names, and what they hold."""


def read_options(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> PoolOptions:
    """The options: those given that are not None, else the environment's, else the defaults.

    Raises ConfigurationError in a plain sentence for a value that cannot be used.
    """
    values = environment(environ=environ)
    found: dict[str, Any] = {name: _number(values, *_VARIABLES[name]) for name in _VARIABLES}
    found["pgbouncer"] = truth(values, "DB_PGBOUNCER")
    chosen = {**found, **{name: value for name, value in given.items() if value is not None}}
    for name, value in chosen.items():
        _check_type(name, value)
    return PoolOptions(**{name: value for name, value in chosen.items() if value is not None})


def read_url(given: str | DatabaseUrl | None, environ: Mapping[str, str] | None = None) -> DatabaseUrl:
    """The database: the one given, else DATABASE_URL's. Raises ConfigurationError when there is neither."""
    if isinstance(given, DatabaseUrl):
        return given
    text = given or environment(environ=environ).get("DATABASE_URL", "")
    if not text.strip():
        raise ConfigurationError(
            "The pool has no database: pass a URL or set DATABASE_URL; `assay db url` prints that of the project's"
        )
    return DatabaseUrl.parse(text)


def read_pgbouncer(url: DatabaseUrl) -> tuple[DatabaseUrl, bool | None]:
    """The URL without the option ``pgbouncer``, which some tools write there, and what it said; None if nothing."""
    options = dict(url.options)
    if "pgbouncer" not in options:
        return url, None
    said = truth(options, "pgbouncer")
    return replace(url, options=tuple(pair for pair in url.options if pair[0] != "pgbouncer")), said


def _number(values: Mapping[str, str], name: str, kind: type[int] | type[float]) -> int | float | None:
    text = values.get(name, "").strip()
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number of seconds"
        raise ConfigurationError(f"{name} is {text!r}; it takes {what}") from None


def _check_type(name: str, value: Any) -> None:
    if name == "pgbouncer" and not isinstance(value, bool):
        raise ConfigurationError(f"pgbouncer is {value!r}; it takes True or False")
    kind = _VARIABLES[name][1] if name in _VARIABLES else None
    if kind is None or value is None:
        return
    wanted = int if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        what = "a whole number" if kind is int else "a number of seconds"
        raise ConfigurationError(f"{name} is {value!r}; it takes {what}")
