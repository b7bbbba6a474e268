"""Answers kept between runs, so that a statement is described once for each schema.

One file for each schema lies in ``HOME/proofs``, the user's own. An answer in it holds for as long as the migrations,
the programs of the server and Assay itself are the same; the file's name is made of these. Unlike the offline cache it
is nobody's to read, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from assay.proof.cache import description_from_json, description_to_json
from assay.proof.description import Description, Stored
from assay.proof.state import state_of_assay, state_of_programs
from assay.proof.wholefiles import replace_file
from assay.server.binaries import Programs

MOST_FILES = 30
"""How many schemas are remembered; the ones that were not asked for longest are forgotten first."""
MOST_ANSWERS = 50_000
"""How many answers about one schema are remembered, before all but the newest are forgotten."""


class _File(msgspec.Struct):
    """What a file holds: the answers, each in its own JSON, by the statement's text."""

    answers: dict[str, msgspec.Raw]
    server: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of one schema."""

    server_version: str = ""
    """Empty when nothing is remembered."""
    descriptions: Mapping[str, Description] = field(default_factory=dict)
    """Of the statements that were asked for, by their text."""
    others: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    """All that is remembered, as it is written."""


class Memory:
    """The file of one schema."""

    def __init__(self, home: Path, programs: Programs, fingerprint: str) -> None:
        identity = "\0".join([state_of_programs(programs), state_of_assay(), fingerprint])
        self._path = home / "proofs" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"

    def read(self, texts: Iterable[str]) -> Kept:
        """What is remembered of statements; nothing where the file is not there or is not whole."""
        with suppress(OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
            digest, _, content = self._path.read_bytes().partition(b"\n")
            if digest != _digest(content):
                return Kept()
            file = msgspec.json.decode(content, type=_File)
            found = {text: file.answers[text] for text in texts if text in file.answers}
            with suppress(OSError):  # where only reading is allowed
                os.utime(self._path)
            return Kept(file.server, {text: _description(raw) for text, raw in found.items()}, file.answers)
        return Kept()

    def add(self, server_version: str, kept: Kept, descriptions: Mapping[str, Description]) -> None:
        """Remember these answers too; where that cannot be, the next run describes again."""
        earlier = dict(kept.others) if len(kept.others) < MOST_ANSWERS else {}
        with suppress(OSError, UnicodeEncodeError):
            new = {text: msgspec.Raw(_encoded(found)) for text, found in descriptions.items()}
            content = msgspec.json.encode(_File(earlier | new, server_version))
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self._path, _digest(content) + b"\n" + content, 0o600)
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        files = sorted(self._path.parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[MOST_FILES:]:
            path.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _description(raw: msgspec.Raw) -> Description:
    value = msgspec.json.decode(raw)
    stored = tuple(msgspec.convert(value["stored"], list[Stored]))
    return replace(description_from_json(value), stored=stored)


def _encoded(found: Description) -> bytes:
    return msgspec.json.encode(description_to_json(found) | {"stored": found.stored})
