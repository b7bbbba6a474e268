"""The statements that are proven read-only, from the file that ``assay prepare`` writes.

The file has the fingerprint of the migrations that the proofs were made on, and the SHA-256 of each statement's text
as it is sent, sorted. It is small: 64 characters a statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.errors import ConfigurationError

if TYPE_CHECKING:
    from assay.runtime.query import Query
    from assay.runtime.replicas.sighting import Ledger

FILE = ".assay/read-only.json"
"""Where ``assay prepare`` writes it, in the root of the project."""
MAX_KNOWN = 10_000
"""Statements whose answer is remembered; then they are looked up anew."""


@dataclass(frozen=True, slots=True)
class ReadOnlySet:
    """Statements that change nothing and lock no row."""

    migrations: str
    """The fingerprint of the migrations that they were proven on; empty where there were none."""
    hashes: frozenset[str]
    """What :func:`hash_of` gives for each."""


def hash_of(text: str) -> str:
    """The key of a statement, from its text as it is sent: with ``$1``, not ``:name``."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def encode(migrations: str, texts: Iterable[str]) -> bytes:
    """The content of the file.

    Args:
        migrations: the fingerprint of the migrations that the statements were proven on.
        texts: the statements as they are sent.
    """
    value = {"migrations": migrations, "read_only": sorted({hash_of(text) for text in texts})}
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def read(path: Path) -> ReadOnlySet:
    """Read the file; raises ConfigurationError when it is not there or not one of this format."""
    try:
        value = msgspec.json.decode(path.read_bytes(), type=_Content)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigurationError(f"{path} cannot be read ({why}); write it with assay prepare") from None
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{path} is not a list of statements proven read-only ({error}); run assay prepare"
        ) from None
    return ReadOnlySet(value.migrations, frozenset(value.read_only))


def find(start: Path | None = None) -> Path | None:
    """The file of the working folder, or of the nearest one above that has it; None where there is none."""
    start = (start or Path.cwd()).resolve()
    return next((path for folder in (start, *start.parents) if (path := folder / FILE).is_file()), None)


def load(path: Path | str | None) -> ReadOnlySet | None:
    """The statements of the given file, or of the one that is found; None where there is none to be found.

    Raises ConfigurationError for a file that cannot be read.
    """
    found = Path(path) if path is not None else find()
    return read(found) if found is not None else None


def objection(proofs: ReadOnlySet | None, ledger: Ledger) -> str:
    """Why nothing can go to a replica, given the migrations that the primary has had; empty where something can."""
    if proofs is None:
        return f"there is no {FILE} in the working folder or above; write it with assay prepare, or name it in Replicas"
    if ledger.obstacle:
        return f"the migrations of the primary cannot be held against the proofs: {ledger.obstacle}"
    if ledger.fingerprint == proofs.migrations:
        return ""
    return (
        "the statements were proven read-only on other migrations than the primary has had; "
        "run assay prepare for these migrations, or apply them"
    )


class Proven(dict["Query", bool]):
    """For each query that was run, whether it is proven read-only: one look in a dictionary from the second time on."""

    def __init__(self, proofs: ReadOnlySet | None) -> None:
        super().__init__()
        self.proofs = proofs
        self._refuted: set[str] = set()

    def __missing__(self, query: Query) -> bool:
        key = hash_of(query.statement.text)
        proven = self.proofs is not None and key in self.proofs.hashes and key not in self._refuted
        if len(self) >= MAX_KNOWN:
            self.clear()
        self[query] = proven
        return proven

    def refute(self, query: Query) -> None:
        """A replica could not run it after all: from now on it goes to the primary."""
        self._refuted.add(hash_of(query.statement.text))
        self[query] = False


class _Content(msgspec.Struct):
    migrations: str
    read_only: list[str]
