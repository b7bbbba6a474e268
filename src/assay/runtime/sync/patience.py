"""How long a thread waits for a server that says nothing at all.

A task that waits too long is cancelled; a thread cannot be. Where the session has a ``statement_timeout``, the server
ends a statement by itself and says so. When nothing has come some seconds after that, the network is gone, or the
server hangs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from assay.config import DatabaseUrl

GRACE = 5.0
"""Seconds that the server has beyond its statement_timeout to say that it ended a statement."""

SETTING = "statement_timeout"
"""A statement with this word in it may set another one, so that nothing is known of it any more."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def patience_of(url: DatabaseUrl, settings: Mapping[str, str] | None) -> float | None:
    """Seconds of silence to bear in a new session; None where it is given no ``statement_timeout``."""
    given = {name.lower(): value for name, value in {**dict(url.options), **(settings or {})}.items()}
    seconds = _seconds(given.get(SETTING, ""))
    return with_grace(seconds) if seconds is not None else None


def with_grace(seconds: float) -> float | None:
    """Seconds of silence to bear where each statement may take so many; None where 0 stands for any number."""
    return seconds + GRACE if seconds else None


def _seconds(text: str) -> float | None:
    """What the server takes a setting of time for (manual section 19.1.1); None where it is not one."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([a-z]*)\s*", str(text))
    unit = _UNITS.get(found[2] or "ms") if found else None
    return float(found[1]) * unit if found and unit is not None else None
