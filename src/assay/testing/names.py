"""The names of the databases of tests, and what is written on those that are kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import msgspec

PREFIX = "assay_test_"


@dataclass(frozen=True, slots=True)
class Kept:
    """The comment on a database of a failed test."""

    test: str
    project: str
    """The folder of the project, so that its next session can drop what this one kept."""
    session: str
    kept: datetime


def new_key() -> str:
    """Twelve hexadecimal digits, which tell one process's databases from another's."""
    return secrets.token_hex(6)


def key_of(name: str) -> str:
    """The key in the name of a database."""
    return name.removeprefix(PREFIX).partition("_")[0]


def lock_of(key: str) -> int | None:
    """The advisory lock that the process with that key holds as long as it lives; None for what is not a key."""
    try:
        return int(key, 16) if len(key) == 12 else None
    except ValueError:
        return None


def write_comment(kept: Kept) -> str:
    """The comment on a database that is kept."""
    return msgspec.json.encode(kept).decode()


def read_comment(comment: str | None) -> Kept | None:
    """What the comment on a database says; None when it is not kept."""
    try:
        return msgspec.json.decode(comment or "", type=Kept)
    except msgspec.DecodeError:
        return None
