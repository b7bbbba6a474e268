"""When the server was last wanted, and the process that stops it after it has idled long enough."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from assay.server.layout import Layout
from assay.server.locking import holder_pid, is_locked, sign, try_lock
from assay.server.processes import command_line, end
from assay.server.starting import start_apart

DEFAULT = 900.0
"""Seconds that a server may idle when nobody said, or what was said is lost."""

WATCHER = "assay.server.watch"


def mark_used(layout: Layout, idle_timeout: float, *, anew: bool) -> None:
    """Note that the server is wanted now, and how long it may idle.

    Args:
        layout: the server's.
        idle_timeout: seconds; 0 means for ever. While a server runs, the longest that anyone asked for holds.
        anew: whether the server is about to be started, so that what was asked of its predecessor is forgotten.
    """
    longest = _seconds(idle_timeout) if anew else max(_seconds(idle_timeout), allowed(layout))
    with suppress(OSError):  # a full disk must not keep anyone from a server that runs
        if anew or longest != allowed(layout):
            layout.used.write_text("0" if math.isinf(longest) else repr(longest))
        os.utime(layout.used)


def allowed(layout: Layout) -> float:
    """Seconds that the server may idle; infinite for one that may do so for ever."""
    try:
        return _seconds(float(layout.used.read_text()))
    except (OSError, ValueError):
        return DEFAULT


def unused_for(layout: Layout) -> float:
    """Seconds since the server was last asked for."""
    try:
        return time.time() - layout.used.stat().st_mtime
    except OSError:
        return math.inf


def ensure_watcher(layout: Layout, version: str) -> None:
    """Start the watching process, unless there is one or the server may idle for ever."""
    if math.isinf(allowed(layout)) or not sys.executable:
        return
    descriptor = try_lock(layout.watch)
    if descriptor is None:
        return
    # It inherits the lock, so that from here on there is one watcher, and its process can be found.
    command = [sys.executable, "-W", "ignore", "-m", WATCHER, str(layout.home), version, str(descriptor)]
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]  # this Assay, wherever it is
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    pid = start_apart(command, layout.log, env=environ, descriptors=[descriptor])
    sign(descriptor, "watching", pid)
    os.close(descriptor)


def end_watcher(layout: Layout) -> None:
    """End the watching process, if there is one."""
    pid = holder_pid(layout.watch) if is_locked(layout.watch) else None
    if pid is not None and WATCHER in command_line(pid):
        end([pid], [(signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)])


def _seconds(idle_timeout: float) -> float:
    return idle_timeout if idle_timeout > 0 else math.inf
