"""What the server sends, on its way to the driver: decoded without pauses for garbage, and counted when asked.

The driver decodes all rows of a piece of the answer in one synchronous stretch and makes thousands of objects in it,
none of them garbage yet. Garbage collection that falls into such a stretch only costs time, so it waits for its end.

The driver does not tell how many rows each of many executions affected. The server does, in the command tag at the
end of each (manual, chapter "Frontend/Backend Protocol", message CommandComplete), and these are counted here.

The other way, the driver sends the rows of a COPY in pieces of half a megabyte. A local socket takes less than half of
that unless it is told otherwise, and the server would wait for the rest while the next piece is being encoded.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from assay.runtime.collecting import uncollected
from assay.runtime.connecting import DriverConnection

MANY = 8192
"""Bytes from which on decoding a piece of an answer is worth a thought about garbage collection."""

SEND_BUFFER = 1 << 20
"""Bytes that may wait in a local socket; the system allows less where its limit is lower."""

_READY = b"Z\0\0\0\5"
"""How the message ReadyForQuery begins, which is one byte longer and ends every answer."""
_COMMAND_COMPLETE = ord("C")


class Receiver(asyncio.Protocol):
    """Stands between a driver connection's transport and the driver; made while nothing is under way."""

    def __init__(self, driver: DriverConnection) -> None:
        inside: Any = driver
        self._driver: asyncio.Protocol = inside._protocol  # noqa: SLF001 - the driver shows it in no other way
        self._tally: Tally | None = None
        self._rest: bytes | None = b""
        """The beginning of a message whose end has not come yet; None when it is not known where messages begin."""
        # What is only passed on goes to the driver directly.
        for name in ("connection_lost", "eof_received", "pause_writing", "resume_writing"):
            setattr(self, name, getattr(self._driver, name))
        inside._transport.set_protocol(self)  # noqa: SLF001 - neither this
        _widen(inside._transport.get_extra_info("socket"))  # noqa: SLF001 - nor this

    def data_received(self, data: bytes) -> None:
        """Let the driver decode what came."""
        if self._tally is not None:
            self._tally.add(data)
        elif data[-6:-1] == _READY:  # if these bytes are part of a value after all, the answer's real end follows
            self._rest = b""
        else:
            self._rest = None if self._rest is None or len(data) >= MANY else _unfinished(self._rest + data)
        if len(data) < MANY:
            self._driver.data_received(data)
        else:
            uncollected(self._driver.data_received, data)

    @property
    def can_tally(self) -> bool:
        """Whether it is known where messages begin; it always is again after the end of an answer."""
        return self._rest is not None

    @contextmanager
    def tally(self) -> Iterator[Tally]:
        """Count what commands affect, from here on."""
        self._tally = tally = Tally(self._rest or b"")
        try:
            yield tally
        finally:
            self._tally, self._rest = None, tally.rest


def _widen(own: Any) -> None:
    """Let a local socket take more at once; for those of a network the system finds out itself what is good."""
    if own is not None and own.family == socket.AF_UNIX:
        with suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def _unfinished(data: bytes) -> bytes:
    """What is left after the last whole message; each is its kind, its length in four bytes, and its body."""
    place = 0
    while len(data) - place >= 5:
        end = place + 1 + int.from_bytes(data[place + 1 : place + 5], "big")
        if end > len(data):
            break
        place = end
    return data[place:]


class Tally:
    """Commands that were completed, and the rows that they affected."""

    __slots__ = ("_pair", "_pair_rows", "_pair_size", "commands", "rest", "rows")

    def __init__(self, rest: bytes) -> None:
        self.commands = 0
        self.rows = 0
        self.rest = rest
        """The beginning of a message whose end has not come yet."""
        self._pair: re.Pattern[bytes] | None = None
        """Any number of the answers that the last command had, which many commands in a row share."""
        self._pair_size = self._pair_rows = 0

    def add(self, data: bytes) -> None:
        """Read the messages in what was received."""
        data = self.rest + data if self.rest else data
        place, last = 0, 0
        while len(data) - place >= 5:
            end = place + 1 + int.from_bytes(data[place + 1 : place + 5], "big")
            if end > len(data):
                break
            if data[place] == _COMMAND_COMPLETE:
                self._count(data[place + 5 : end - 1])
                end = self._skip_repeated(data, last, end)
            last, place = place, end
        self.rest = data[place:]

    def _count(self, tag: bytes) -> None:
        number = tag.rpartition(b" ")[2]
        self._pair_rows = int(number) if number.isdigit() else 0
        self.commands += 1
        self.rows += self._pair_rows

    def _skip_repeated(self, data: bytes, start: int, end: int) -> int:
        """Count the same answer as often as it follows at once; where that ends."""
        pair = data[start:end]
        if self._pair is None or self._pair_size != len(pair) or self._pair.fullmatch(pair) is None:
            self._pair, self._pair_size = re.compile(b"(?:" + re.escape(pair) + b")*"), len(pair)
        found = self._pair.match(data, end)
        size = len(found[0]) if found is not None else 0
        self.commands += size // self._pair_size
        self.rows += size // self._pair_size * self._pair_rows
        return end + size
