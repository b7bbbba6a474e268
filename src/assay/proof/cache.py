"""The offline cache: one file a query in ``.assay``, from which a check proves without a server.

A file's name is ``query-<sha256 of the SQL>.json``; its content has sorted keys and says for which migrations and by
which server the answer was given. Identifiers of types, which differ from one database to the next, are left out.

Beside them lies ``read-only.json``, one list of the statements that replicas may answer, for programs to read at start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from assay.errors import ProofError
from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound
from assay.proof.wholefiles import replace_file
from assay.runtime.replicas.proven import FILE as READ_ONLY

FOLDER = ".assay"
_MODE = 0o644
_NO_LISTS: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """The kept answer about one statement."""

    sql: str
    description: Description
    server_version: str
    """``18.6``, as the server gives it."""
    fingerprint: str
    """Of the migrations; empty where the schema was not built from any."""


@dataclass(frozen=True, slots=True)
class Differences:
    """In what a cache is not what it should be, by names of files, sorted."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    orphaned: tuple[str, ...]
    """Of queries that are not in the code any more."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.orphaned)


def file_name(sql: str) -> str:
    """The name of a query's file."""
    return f"query-{hashlib.sha256(sql.encode(errors='surrogatepass')).hexdigest()}.json"


class Cache:
    """The files of one project."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def read(self, sql: str) -> Entry | None:
        """The answer about a statement; None when there is no file for it.

        Raises ProofError for a file that cannot be read or is not one of this format.
        """
        path = self.folder / file_name(sql)
        content = _content(path)
        return decode(content, path) if content is not None else None

    def compare(self, entries: Iterable[Entry], lists: Mapping[str, bytes] = _NO_LISTS) -> Differences:
        """How the files differ from what they should be.

        Args:
            entries: the answers, each of which has a file.
            lists: the content of files about all of them, by name.
        """
        wanted = {file_name(entry.sql): entry for entry in entries}
        present, names = self.names(), {*wanted, *lists}
        changed = {name for name in present & set(wanted) if self._differs(name, wanted[name])}
        changed |= {name for name in present & set(lists) if _content(self.folder / name) != lists[name]}
        return Differences(tuple(sorted(names - present)), tuple(sorted(changed)), tuple(sorted(present - names)))

    def write(self, entries: Iterable[Entry], lists: Mapping[str, bytes] = _NO_LISTS) -> tuple[str, ...]:
        """Write what is missing or changed, each file in one step; returns the names of those files, sorted."""
        wanted = {file_name(entry.sql): entry for entry in entries}
        differences = self.compare(wanted.values(), lists)
        names = sorted((*differences.missing, *differences.changed))
        for name in names:
            _replace(self.folder / name, lists[name] if name in lists else encode(wanted[name]))
        return tuple(names)

    def remove(self, names: Iterable[str]) -> None:
        """Delete files."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """The names of all files of queries, and of the list of those that are read-only."""
        found = {path.name for path in self.folder.glob("query-*.json")} if self.folder.is_dir() else set()
        return found | {path.name for path in (self.folder / Path(READ_ONLY).name,) if path.is_file()}

    def _differs(self, name: str, entry: Entry) -> bool:
        """Whether a file says something else; a server's minor version changes no answer."""
        path = self.folder / name
        try:
            kept = decode(_content(path) or b"", path)
        except ProofError:
            return True
        same_server = _major(kept.server_version) == _major(entry.server_version)
        return not same_server or encode(entry) != encode(_with_version(kept, entry.server_version))


def encode(entry: Entry) -> bytes:
    """The content of a file."""
    value = {
        "description": description_to_json(entry.description),
        "migrations": entry.fingerprint,
        "server": entry.server_version,
        "sql": entry.sql,
    }
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def decode(content: bytes, path: Path) -> Entry:
    """Read a file; raises ProofError naming it when it is not one of this format."""
    try:
        value = msgspec.json.decode(content)
        return Entry(
            sql=value["sql"],
            description=description_from_json(value["description"]),
            server_version=value["server"],
            fingerprint=value["migrations"],
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProofError(f"{path} is not a file of the offline cache ({error}); run assay prepare") from None


def description_to_json(description: Description) -> dict[str, Any]:
    """A description as dicts, lists, strings and booleans, from which it can be read back."""
    return {
        "columns": [_column_to_json(column) for column in description.columns],
        "left_out": list(description.left_out),
        "notes": list(description.notes),
        "params": [
            {"null": str(parameter.null), "reason": parameter.reason, "type": _type_to_json(parameter.type)}
            for parameter in description.params
        ],
        "read_only": description.read_only,
        "reads": list(description.reads),
        "rows": str(description.rows),
        "rows_reason": description.rows_reason,
        "unfiltered": description.unfiltered,
        "writes": list(description.writes),
    }


def description_from_json(value: dict[str, Any]) -> Description:
    """The inverse of :func:`description_to_json`."""
    return Description(
        rows=RowBound(value["rows"]),
        params=tuple(
            Parameter(_type_from_json(parameter["type"]), NullUse(parameter["null"]), parameter["reason"])
            for parameter in value["params"]
        ),
        columns=tuple(_column_from_json(column) for column in value["columns"]),
        reads=tuple(value["reads"]),
        writes=tuple(value["writes"]),
        read_only=value["read_only"],
        rows_reason=value["rows_reason"],
        unfiltered=value["unfiltered"],
        left_out=tuple(value["left_out"]),
        notes=tuple(value["notes"]),
    )


def _column_to_json(column: Column) -> dict[str, Any]:
    value: dict[str, Any] = {"name": column.name, "nullable": column.nullable, "reason": column.reason}
    value["type"] = _type_to_json(column.type)
    if column.allowed is not None:
        value["allowed"] = list(column.allowed)
    if column.joined:
        value["joined"] = list(column.joined)
    if column.null_in_row:
        value["null_in_row"] = column.null_in_row
    return value


def _column_from_json(value: dict[str, Any]) -> Column:
    allowed = tuple(value["allowed"]) if "allowed" in value else None
    return Column(
        value["name"],
        _type_from_json(value["type"]),
        value["nullable"],
        value["reason"],
        allowed,
        tuple(value.get("joined", ())),
        value.get("null_in_row", ""),
    )


def _type_to_json(kind: PgType) -> str | dict[str, Any]:
    """A base type that is found by its name alone is that name; any other has its parts."""
    if kind == PgType(kind.name, oid=kind.oid):
        return kind.name
    value: dict[str, Any] = {"kind": kind.kind, "name": kind.name}
    if kind.schema is not None:
        value["schema"] = kind.schema
    if kind.element is not None:
        value["element"] = _type_to_json(kind.element)
    if kind.labels:
        value["labels"] = list(kind.labels)
    if kind.fields:
        value["fields"] = [[name, _type_to_json(part)] for name, part in kind.fields]
    if kind.not_null:
        value["not_null"] = True
    return value


def _type_from_json(value: str | dict[str, Any]) -> PgType:
    if isinstance(value, str):
        return PgType(value)
    return PgType(
        name=value["name"],
        kind=value["kind"],
        schema=value.get("schema"),
        element=_type_from_json(value["element"]) if "element" in value else None,
        labels=tuple(value.get("labels", ())),
        fields=tuple((name, _type_from_json(part)) for name, part in value.get("fields", ())),
        not_null=value.get("not_null", False),
    )


def _with_version(entry: Entry, version: str) -> Entry:
    return Entry(entry.sql, entry.description, version, entry.fingerprint)


def _major(version: str) -> str:
    return version.partition(".")[0]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProofError(f"{path} cannot be read: {error.strerror}") from None


def _replace(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, content, _MODE)
    except OSError as error:
        raise ProofError(f"{path} cannot be written: {error.strerror}") from None
