"""Answers kept between runs, so that a statement is described once for each schema.

One file for each schema lies in ``HOME/proofs``, the user's own. An answer in it holds for as long as the migrations,
the programs of the server and Assay itself are the same; the file's name is made of these. Unlike the offline cache it
is nobody's to read, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assay.proof.cache import description_from_json, description_to_json
from assay.proof.description import Description
from assay.proof.state import state_of_assay, state_of_programs
from assay.server.binaries import Programs

MOST_FILES = 30
"""How many schemas are remembered; the ones that were not asked for longest are forgotten first."""
MOST_ANSWERS = 50_000
"""How many answers about one schema are remembered, before all but the newest are forgotten."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of one schema."""

    server_version: str
    """Empty when nothing is remembered."""
    descriptions: dict[str, Description]
    """By the statement's text."""


class Memory:
    """The file of one schema."""

    def __init__(self, home: Path, programs: Programs, fingerprint: str) -> None:
        identity = "\0".join([state_of_programs(programs), state_of_assay(), fingerprint])
        self._path = home / "proofs" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"

    def read(self) -> Kept:
        """What is remembered; nothing where the file is not there or is not whole."""
        with suppress(OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
            value = msgspec.json.decode(self._path.read_bytes())
            found = {sql: description_from_json(item) for sql, item in value["answers"].items()}
            os.utime(self._path)
            return Kept(value["server"], found)
        return Kept("", {})

    def add(self, server_version: str, kept: Kept, descriptions: Mapping[str, Description]) -> None:
        """Remember these answers too; where that cannot be, the next run describes again."""
        earlier = kept.descriptions if len(kept.descriptions) < MOST_ANSWERS else {}
        value = {
            "answers": {sql: description_to_json(found) for sql, found in (earlier | dict(descriptions)).items()},
            "server": server_version,
        }
        with suppress(OSError, UnicodeEncodeError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(value))
            Path(name).replace(self._path)
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        files = sorted(self._path.parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[MOST_FILES:]:
            path.unlink(missing_ok=True)
