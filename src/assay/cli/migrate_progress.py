"""What a run of migrations says while it is under way: what is done to standard output, all else to standard error.

On a terminal, a run that takes over a second shows how far it has come in a line that is rewritten, and gone at the
end. Elsewhere, such as in the log of a deployment, it says so every half minute, so that it does not look dead.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from assay.migrate import Event, Step

PATIENCE, REDRAWN = 1.0, 0.2
"""Seconds before the line is shown on a terminal, and between two drawings of it."""
REPEATED = 30.0
"""Seconds between two lines where there is no terminal."""
_EMPTIED = "\r\x1b[2K"


@dataclass
class Narrator:
    """Told the events of a run, within a ``with`` block."""

    done: Callable[[Step], str] | None
    """The words for a migration that is done; None says nothing of it."""
    verb: str
    """What the run is doing to a migration, such as ``Applying``."""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _doing: str = "Getting ready"
    _file: str = ""
    _since: float = field(default_factory=time.monotonic)
    _drawn: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Narrator:
        threading.Thread(target=self._keep_telling, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with self._lock:
            self._clear()

    def __call__(self, event: Event) -> None:
        """Take in what happens, and print what is to stay."""
        from assay.migrate import Moment

        with self._lock:
            match event.moment:
                case Moment.STATEMENT:
                    self._doing = f"{self._file}, statement {event.number} of {event.total}"
                case Moment.STARTED if event.step is not None:
                    count = f", file {event.number} of {event.total}" if event.total > 1 else ""
                    self._file = f"{self.verb} {event.step.version} {event.step.description}{count}"
                    self._doing, self._since = self._file, time.monotonic()
                case Moment.FINISHED if event.step is not None and self.done is not None:
                    self._clear()
                    print(self.done(event.step), flush=True)
                case Moment.WAITING | Moment.NOTICE:
                    self._doing = "Waiting for the lock" if event.moment is Moment.WAITING else self._doing
                    self._clear()
                    print(event.text, file=self.stream, flush=True)

    def _keep_telling(self) -> None:
        terminal = getattr(self.stream, "isatty", bool)()  # it is None where it was closed
        pause = PATIENCE if terminal else REPEATED
        while not self._over.wait(pause):
            with self._lock:
                if not self._over.is_set():
                    self._tell(terminal)
            pause = REDRAWN if terminal else REPEATED

    def _tell(self, terminal: bool) -> None:
        elapsed = time.monotonic() - self._since
        if terminal and elapsed >= PATIENCE:
            line = f"{self._doing}, {duration(elapsed)}"[: shutil.get_terminal_size().columns - 1]
            if line != self._drawn:
                self.stream.write(_EMPTIED + line)
                self.stream.flush()
            self._drawn = line
        elif not terminal and self.stream is not None:
            print(f"{self._doing}, {duration(elapsed)}", file=self.stream, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            self.stream.write(_EMPTIED)
            self.stream.flush()
            self._drawn = ""


def duration(seconds: float) -> str:
    """A time in words: whole seconds, and minutes and hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
