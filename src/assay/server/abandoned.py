"""Data of homes that are no more.

Where root's server cannot reach its home, the data lie elsewhere and are not removed together with it.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from assay.server import layout

_LONG_AGO = 24 * 3600.0
"""Seconds; a home may also be on a disk that is not mounted at the moment."""


def sweep_abandoned() -> None:
    """Remove what was kept for a home that does not exist, and was not used since yesterday."""
    with suppress(OSError):
        for kept in layout.HOMES.iterdir():
            with suppress(OSError):
                home = Path((kept / "home").read_text())
                if not home.exists() and time.time() - _last_used(kept) > _LONG_AGO:
                    shutil.rmtree(kept, ignore_errors=True)


def _last_used(kept: Path) -> float:
    """When a socket was last made or removed there, in seconds since the epoch."""
    return max((folder.stat().st_mtime for folder in (kept, *kept.glob("*/run"))), default=0.0)
