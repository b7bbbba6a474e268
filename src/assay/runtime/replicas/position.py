"""Positions in the write-ahead log: what a write was given, and what a replica has replayed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from assay.errors import UsageError

_TEXT = re.compile(r"(\d{1,10}):([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_PAGE_HEADER, _SEGMENT_HEADER = 24, 40
"""Bytes at the start of a page, and of the first page of a segment (src/include/access/xlog_internal.h)."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the write-ahead log of a server; a read that has reached it sees every write before it.

    Positions are compared by timeline first: a later timeline goes on where an earlier one was left.
    """

    timeline: int
    """Which history of the server: 1 at first, and one more after each promotion (manual section 25.3.6)."""
    lsn: int
    """Bytes from the beginning of the log."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str()`` wrote, such as ``1:0/16B3748``; raises UsageError for anything else."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise UsageError(f"{text[:40]!r} is not a position in the write-ahead log; one looks like 1:0/16B3748")
        return cls(int(found[1]), (int(found[2], 16) << 32) + int(found[3], 16))

    def __str__(self) -> str:
        return f"{self.timeline}:{show_lsn(self.lsn)}"


def show_lsn(lsn: int) -> str:
    """A place in the log as the server writes it: ``0/16B3748``."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def end_of_record(lsn: int, page: int, segment: int) -> int:
    """Where the last record ends, given where the next one would begin.

    ``pg_current_wal_insert_lsn()`` gives the latter. The two differ where a record ends with its page: the next begins
    behind the following page's header (XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in
    src/backend/access/transam/xlog.c), which a replica that has replayed everything has not come to.

    Args:
        lsn: where the next record would begin.
        page: bytes in a page of the log, the setting ``wal_block_size``.
        segment: bytes in a file of the log, the setting ``wal_segment_size``.
    """
    header = _SEGMENT_HEADER if lsn % segment < page else _PAGE_HEADER
    return lsn - header if lsn % page == header else lsn
