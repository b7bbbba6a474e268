"""Data of homes that are no more.

Where root's server cannot reach its home, the data lie elsewhere and are not removed together with it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from assay.server import layout

_SOON, _LATE = 600.0, 7 * 24 * 3600.0
"""Seconds without use after which data are abandoned. A home that is not there may be on a disk that is not mounted at
the moment; one under the folder for temporary files is not coming back."""


def sweep_abandoned() -> None:
    """Remove what was kept for homes that do not exist any more and were not used for a while."""
    with suppress(OSError):
        for kept in layout.HOMES.iterdir():
            with suppress(OSError):
                home = Path((kept / "home").read_text())
                patience = _SOON if home.is_relative_to(Path(tempfile.gettempdir()).resolve()) else _LATE
                if not home.exists() and time.time() - _last_used(kept) > patience:
                    shutil.rmtree(kept, ignore_errors=True)


def _last_used(kept: Path) -> float:
    """When a socket was last made or removed there, in seconds since the epoch."""
    return max((folder.stat().st_mtime for folder in (kept, *kept.glob("*/run"))), default=0.0)
