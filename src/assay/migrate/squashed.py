"""A migration that stands for several earlier ones, as ``assay migrate squash`` writes it.

Its first comments name each version that it stands for, with the checksum of its file. A database that has had all of
these has had it; for SQLx, to which these are comments, ``assay migrate repair`` rewrites the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.migrate.model import LedgerRow, Migration

_LINE = re.compile(r"^-- stands for (\d{1,19}) ([0-9a-f]{96})$", re.MULTILINE)
_LEAD = re.compile(r"(?:--[^\n]*\n|[ \t\r]*\n)*")


def read_replaced(sql: str) -> Mapping[int, bytes]:
    """The checksums of the files that a file stands for, by version; empty for a file like any other."""
    lead = _LEAD.match(sql)
    return {int(version): bytes.fromhex(digest) for version, digest in _LINE.findall(lead[0] if lead else "")}


def replaced_header(migrations: Iterable[Migration]) -> str:
    """The comments for a file that stands for some migrations, and for what these stood for."""
    replaced: dict[int, bytes] = {}
    for migration in migrations:
        replaced |= migration.replaces
        replaced.setdefault(migration.version, migration.checksum)
    return "".join(f"-- stands for {version} {digest.hex()}\n" for version, digest in sorted(replaced.items()))


def has_all(migration: Migration, rows: Mapping[int, LedgerRow]) -> bool:
    """Whether a database has had every migration that one stands for, as they were."""
    return bool(migration.replaces) and all(
        version in rows and rows[version].success and rows[version].checksum == digest
        for version, digest in migration.replaces.items()
    )


def has_some(migration: Migration, rows: Mapping[int, LedgerRow]) -> list[int]:
    """The versions that a migration stands for and a database has had, when it has not had all nor the one itself."""
    own = rows.get(migration.version)
    if has_all(migration, rows) or (own is not None and own.checksum == migration.checksum):
        return []
    return sorted(rows.keys() & migration.replaces.keys())
