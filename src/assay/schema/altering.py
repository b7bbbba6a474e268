"""The statements that give an object other facets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from assay.schema.inventory import Object
from assay.sql.quoting import quote_literal

Handler: TypeAlias = Callable[[Object, Object], "list[str] | None"]
"""From how an object is and how it shall be to the statements; None when it has to be made anew."""

_WORDS = {"view column": "COLUMN", "enum": "TYPE", "composite type": "TYPE", "range type": "TYPE"}
_GRANTED_AS = {
    "view": "TABLE", "materialized view": "TABLE", "foreign table": "TABLE", "aggregate": "FUNCTION", "domain": "TYPE",
    "server": "FOREIGN SERVER",
}  # fmt: skip
_ROUTINES = ("function", "procedure", "aggregate")
TYPES = ("enum", "domain", "composite type", "range type")
GRANTS = "grants to "
_OPTION = "option "
_ON_ATTRIBUTE = "comment on attribute "
LATE = ("owned by", "clustered on", "replica identity")
"""Facets that name what is created after the object."""
_AFTERWARDS = (
    "comment", "enabled", "statistics", "target", "storage", "compression", "settings", "row security",
    "forced row security",
)  # fmt: skip


def subject(item: Object) -> str:
    """An object as COMMENT ON names it."""
    return f"{_WORDS.get(item.kind, item.kind.upper())} {item.identity}"


def drop(item: Object) -> str:
    """The statement that drops an object; empty for what cannot be dropped by itself."""
    match item.kind:
        case "view column":
            return ""
        case "column" | "constraint":
            return f"ALTER TABLE {item.table} DROP {item.kind.upper()} {item.name}"
        case "sequence":  # it may have gone with its column
            return f"DROP SEQUENCE IF EXISTS {item.identity}"
    return f"DROP {subject(item)}"


def as_created(item: Object) -> dict[str, str]:
    """The facets that an object has once its own statement has run."""
    facets = {name: value for name, value in item.facets.items() if not _is_afterwards(item, name)}
    if item.kind in _ROUTINES:
        facets[f"{GRANTS}PUBLIC"] = "EXECUTE"
    elif item.kind in TYPES:
        facets[f"{GRANTS}PUBLIC"] = "USAGE"
    return facets


def alter(old: Object, new: Object, name: str) -> list[str] | None:
    """The statements that change one facet; None when the object has to be made anew.

    Args:
        old: how it is.
        new: how it shall be.
        name: of the facet.
    """
    if name == "comment":
        return [f"COMMENT ON {subject(new)} IS {_text(new.facets.get(name))}"]
    if name.startswith(_ON_ATTRIBUTE):
        column = f"{new.identity}.{name.removeprefix(_ON_ATTRIBUTE)}"
        return [f"COMMENT ON COLUMN {column} IS {_text(new.facets.get(name))}"]
    if name.startswith(GRANTS):
        return _grant(new, name.removeprefix(GRANTS), old.facets.get(name), new.facets.get(name))
    if old.kind == "domain" and name.startswith("constraint "):
        return _domain_constraint(old, new, name)
    if name.startswith(_OPTION):
        return _option(old, new, name)
    handler = _HANDLERS.get((new.kind, name))
    return handler(old, new) if handler else None


def add_labels(identity: str, old: list[str], new: list[str]) -> list[str] | None:
    """The statements that add an enum's labels, quoted ones; None when labels go or change places."""
    if [label for label in new if label in set(old)] != old or not old:
        return None
    statements = []
    for at, label in enumerate(new):
        if label not in old:
            place = f"AFTER {new[at - 1]}" if at else f"BEFORE {old[0]}"
            statements.append(f"ALTER TYPE {identity} ADD VALUE {label} {place}")
    return statements


def _is_afterwards(item: Object, name: str) -> bool:
    if name in LATE or name in _AFTERWARDS or name.startswith((GRANTS, "comment on ")):
        return True
    return item.kind == "view column"


def _text(text: str | None) -> str:
    return "NULL" if text is None else quote_literal(text)


def _grant(item: Object, role: str, old: str | None, new: str | None) -> list[str]:
    """What REVOKE and GRANT have to say; ``old`` and ``new`` are lists as ``SELECT, UPDATE WITH GRANT OPTION``."""
    column = f" ({item.name})" if item.kind.endswith("column") else ""
    kind = "TABLE" if column else _GRANTED_AS.get(item.kind, _WORDS.get(item.kind, item.kind.upper()))
    on = f"{kind} {item.table if column else item.identity}"
    had, gets = (set(text.split(", ")) if text else set() for text in (old, new))
    statements = [
        f"REVOKE {privilege.removesuffix(_GRANT_OPTION)}{column} ON {on} FROM {role}"
        for privilege in sorted(had - gets)
    ]
    for privilege in sorted(gets - had):
        option = _GRANT_OPTION if privilege.endswith(_GRANT_OPTION) else ""
        statements.append(f"GRANT {privilege.removesuffix(_GRANT_OPTION)}{column} ON {on} TO {role}{option}")
    return statements


_GRANT_OPTION = " WITH GRANT OPTION"


# --- by kind


def _column(new: Object, action: str) -> str:
    return f"ALTER TABLE {new.table} ALTER COLUMN {new.name} {action}"


def column_type(old: Object, new: Object, *, through_text: bool = False) -> list[str]:
    """The statements that give a column another type or collation, and its default again."""
    kind, collation = new.facets["type"], new.facets.get("collation")
    action = f"TYPE {kind}" + (f" COLLATE {collation}" if collation else "")
    cast = f"{new.name}{'::text' if through_text else ''}::{kind}"
    drop_default = [_column(new, "DROP DEFAULT")] if "default" in old.facets else []
    return [*drop_default, _column(new, f"{action} USING {cast}"), *set_default(new)]


def set_default(item: Object) -> list[str]:
    """The statement that sets a column's default, if it has one."""
    return [_column(item, f"SET DEFAULT {item.facets['default']}")] if "default" in item.facets else []


def _default(old: Object, new: Object) -> list[str]:
    return set_default(new) or [_column(new, "DROP DEFAULT")]


def _identity(old: Object, new: Object) -> list[str]:
    was, shall = old.facets.get("identity"), new.facets.get("identity")
    how, _, options = (shall or "").partition(" START ")
    if shall is None:
        return [_column(new, "DROP IDENTITY")]
    if was is None:
        return [_column(new, f"ADD GENERATED {how} AS IDENTITY (START {options})")]
    settings = "START " + options
    return [_column(new, f"SET GENERATED {how} " + " ".join(f"SET {part}" for part in _sequence_parts(settings)))]


def _sequence_parts(options: str) -> list[str]:
    """``START WITH 1 INCREMENT BY 1 MINVALUE ...`` in its parts."""
    words = options.split(" ")
    return [
        " ".join(words[0:3]), " ".join(words[3:6]), " ".join(words[6:8]), " ".join(words[8:10]),
        " ".join(words[10:12]), " ".join(words[12:]),
    ]  # fmt: skip


def _switch(on: str, off: str, facet: str) -> Handler:
    def switched(old: Object, new: Object) -> list[str]:
        value = new.facets.get(facet)
        text = off if value is None else on
        parts = {"table": new.table, "id": new.identity, "name": new.name, "value": value}
        return [text.format(**parts)]

    return switched


def _storage(old: Object, new: Object) -> list[str]:
    usual = "MAIN" if new.facets["type"].startswith("numeric") else "EXTENDED"
    return [_column(new, f"SET STORAGE {new.facets.get('storage', usual)}")]


def _settings(kind: str, facet: str = "options") -> Handler:
    def changed(old: Object, new: Object) -> list[str]:
        had, gets = _names(old.facets.get(facet)), new.facets.get(facet)
        gone = [name for name in had if name not in _names(gets)]
        target = (
            f"ALTER TABLE {new.table} ALTER COLUMN {new.name}" if kind == "COLUMN" else f"ALTER {kind} {new.identity}"
        )
        reset = [f"{target} RESET ({', '.join(gone)})"] if gone else []
        return [*reset, *([f"{target} SET ({gets})"] if gets else [])]

    return changed


def _names(options: str | None) -> list[str]:
    return [part.partition("=")[0] for part in (options or "").split(", ") if "=" in part]


def _inherits(old: Object, new: Object) -> list[str]:
    had, gets = (set(filter(None, item.facets.get("inherits", "").split(", "))) for item in (old, new))
    gone = [f"ALTER TABLE {new.identity} NO INHERIT {parent}" for parent in sorted(had - gets)]
    return gone + [f"ALTER TABLE {new.identity} INHERIT {parent}" for parent in sorted(gets - had)]


def _partition(old: Object, new: Object) -> list[str]:
    statements = []
    for item, action in ((old, "DETACH PARTITION {0}"), (new, "ATTACH PARTITION {0} {1}")):
        parent, bound = parent_and_bound(item.facets.get("partition of", ""))
        if parent:
            statements.append(f"ALTER TABLE {parent} " + action.format(new.identity, bound))
    return statements


def parent_and_bound(partition_of: str) -> tuple[str, str]:
    """``public.event FOR VALUES ...`` in its two parts; two empty ones of an empty text."""
    for mark in (" FOR VALUES ", " DEFAULT"):
        at = partition_of.rfind(mark) if mark == " DEFAULT" else partition_of.find(mark)
        if at >= 0:
            return partition_of[:at], partition_of[at + 1 :]
    return partition_of, ""


def _labels(old: Object, new: Object) -> list[str] | None:
    return add_labels(new.identity, labels(old), labels(new))


def labels(item: Object) -> list[str]:
    """An enum's labels, quoted."""
    found, rest = [], item.facets.get("labels", "")
    while rest:
        end = 2 if rest.startswith("E") else 1
        while end < len(rest):
            if rest[end] == "'" and rest[end + 1 : end + 2] != "'":
                break
            end += 2 if rest[end] == "'" else 1
        found.append(rest[: end + 1])
        rest = rest[end + 1 :].removeprefix(", ")
    return found


def _domain_constraint(old: Object, new: Object, name: str) -> list[str]:
    own = name.removeprefix("constraint ")
    had = [f"ALTER DOMAIN {new.identity} DROP CONSTRAINT {own}"] if name in old.facets else []
    gets = [f"ALTER DOMAIN {new.identity} ADD CONSTRAINT {own} {new.facets[name]}"] if name in new.facets else []
    return had + gets


def _option(old: Object, new: Object, name: str) -> list[str]:
    """One option of a server, a foreign table and the like."""
    own = name.removeprefix(_OPTION)
    word = "DROP" if name not in new.facets else "SET" if name in old.facets else "ADD"
    value = f" {_text(new.facets[name])}" if name in new.facets else ""
    target = f"FOREIGN TABLE {new.table} ALTER COLUMN {new.name}" if new.kind == "column" else subject(new)
    return [f"ALTER {target} OPTIONS ({word} {own}{value})"]


def _routine(old: Object, new: Object) -> list[str] | None:
    # CREATE OR REPLACE keeps privileges and dependents, but takes no other parameters or result.
    if _head(old) == _head(new):
        return [new.sql]
    return None


def _head(item: Object) -> str:
    return item.facets["definition"].partition("\n LANGUAGE ")[0]


def _version(old: Object, new: Object) -> list[str]:
    return [f"ALTER EXTENSION {new.name} UPDATE TO {_text(new.facets['version'])}"]


_TABLE = "ALTER TABLE {id} "
_COLUMN_OF = "ALTER TABLE {table} ALTER COLUMN {name} "
_HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("column", "type"): column_type,
    ("column", "collation"): column_type,
    ("column", "default"): _default,
    ("view column", "default"): _default,
    ("column", "not null"): _switch(_COLUMN_OF + "SET NOT NULL", _COLUMN_OF + "DROP NOT NULL", "not null"),
    ("column", "identity"): _identity,
    ("column", "statistics"): _switch(
        _COLUMN_OF + "SET STATISTICS {value}", _COLUMN_OF + "SET STATISTICS -1", "statistics"
    ),
    ("column", "storage"): _storage,
    ("column", "compression"): _switch(
        _COLUMN_OF + "SET COMPRESSION {value}", _COLUMN_OF + "SET COMPRESSION default", "compression"
    ),
    ("column", "settings"): _settings("COLUMN", "settings"),
    ("table", "persistence"): _switch(_TABLE + "SET UNLOGGED", _TABLE + "SET LOGGED", "persistence"),
    ("table", "options"): _settings("TABLE"),
    ("table", "row security"): _switch(
        _TABLE + "ENABLE ROW LEVEL SECURITY", _TABLE + "DISABLE ROW LEVEL SECURITY", "row security"
    ),
    ("table", "forced row security"): _switch(
        _TABLE + "FORCE ROW LEVEL SECURITY", _TABLE + "NO FORCE ROW LEVEL SECURITY", "forced row security"
    ),
    ("table", "clustered on"): _switch(_TABLE + "CLUSTER ON {value}", _TABLE + "SET WITHOUT CLUSTER", "clustered on"),
    ("table", "replica identity"): _switch(
        _TABLE + "REPLICA IDENTITY {value}", _TABLE + "REPLICA IDENTITY DEFAULT", "replica identity"
    ),
    ("table", "access method"): _switch(
        _TABLE + "SET ACCESS METHOD {value}", _TABLE + "SET ACCESS METHOD heap", "access method"
    ),
    ("table", "of type"): _switch(_TABLE + "OF {value}", _TABLE + "NOT OF", "of type"),
    ("table", "inherits"): _inherits,
    ("table", "partition of"): _partition,
    ("sequence", "type"): _switch("ALTER SEQUENCE {id} AS {value}", "", "type"),
    ("sequence", "options"): _switch("ALTER SEQUENCE {id} {value}", "", "options"),
    ("sequence", "owned by"): _switch(
        "ALTER SEQUENCE {id} OWNED BY {value}", "ALTER SEQUENCE {id} OWNED BY NONE", "owned by"
    ),
    ("sequence", "persistence"): _switch(
        "ALTER SEQUENCE {id} SET UNLOGGED", "ALTER SEQUENCE {id} SET LOGGED", "persistence"
    ),
    ("enum", "labels"): _labels,
    ("domain", "default"): _switch(
        "ALTER DOMAIN {id} SET DEFAULT {value}", "ALTER DOMAIN {id} DROP DEFAULT", "default"
    ),
    ("domain", "not null"): _switch("ALTER DOMAIN {id} SET NOT NULL", "ALTER DOMAIN {id} DROP NOT NULL", "not null"),
    ("function", "definition"): _routine,
    ("procedure", "definition"): _routine,
    ("trigger", "enabled"): _switch(
        "ALTER TABLE {table} {value} TRIGGER {name}", "ALTER TABLE {table} ENABLE TRIGGER {name}", "enabled"
    ),
    ("rule", "enabled"): _switch(
        "ALTER TABLE {table} {value} RULE {name}", "ALTER TABLE {table} ENABLE RULE {name}", "enabled"
    ),
    ("event trigger", "enabled"): _switch(
        "ALTER EVENT TRIGGER {name} {value}", "ALTER EVENT TRIGGER {name} ENABLE", "enabled"
    ),
    ("statistics", "target"): _switch(
        "ALTER STATISTICS {id} SET STATISTICS {value}", "ALTER STATISTICS {id} SET STATISTICS -1", "target"
    ),
    ("extension", "version"): _version,
    ("extension", "schema"): _switch("ALTER EXTENSION {name} SET SCHEMA {value}", "", "schema"),
}
"""By kind and facet. What is not in it is dropped and created anew, with what depends on it."""
