"""What a pool is told of its replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Replicas:
    """Streaming replicas of a pool's database, and how they are used.

    ::

        pool = assay.Pool(primary, replicas=assay.Replicas([first, second], max_lag=2.0))

    Raises ConfigurationError for a value that cannot be used.
    """

    urls: Sequence[str | DatabaseUrl]
    """The replicas. Any of them may be promoted, and the pool's own URL may turn out to be a replica's."""
    max_lag: float | None = 10.0
    """Seconds that a replica's answer may be behind the primary; None for any number.

    When the primary cannot be reached, nothing shows any more how far behind a replica is: with a bound, replicas stop
    answering once it has passed, and without one they go on.
    """
    max_lag_bytes: int | None = None
    """Bytes of the write-ahead log that a replica may have yet to replay; None for any number."""
    check_every: float = 1.0
    """Seconds between looks at all members. Promotions are noticed, and lag is measured, as often."""
    transactions: bool = False
    """Whether ``transaction(readonly=True)`` runs on a replica too; serializable ones never do."""
    proven: Path | str | None = None
    """The file of the statements proven read-only, which ``assay prepare`` writes.

    Unless given it is ``.assay/read-only.json`` in the working folder or the nearest one above that has it.
    """

    def __post_init__(self) -> None:
        if isinstance(self.urls, (str, DatabaseUrl)) or not self.urls:
            raise ConfigurationError("Replicas takes a list of URLs, with at least one in it")
        if not self.check_every > 0:
            raise ConfigurationError(f"check_every is {self.check_every:g}; it must be more than 0 seconds")
        if self.max_lag is not None and not self.max_lag > self.check_every:
            raise ConfigurationError(
                f"max_lag is {self.max_lag:g} and check_every {self.check_every:g}; a replica can be held to a number "
                "of seconds only if it is looked at more often than that"
            )
        if self.max_lag_bytes is not None and not self.max_lag_bytes >= 0:
            raise ConfigurationError(f"max_lag_bytes is {self.max_lag_bytes}; it must be 0 or more")


def read_replicas(given: Sequence[str | DatabaseUrl] | Replicas) -> Replicas:
    """The replicas with their options, where only URLs may have been given."""
    return given if isinstance(given, Replicas) else Replicas(tuple(given) if not isinstance(given, str) else given)
