"""``[tool.assay.backup]``: the stores of a project, and how long each keeps what it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.config import Settings, environment
from assay.errors import ConfigurationError, UsageError
from assay.ops.backup.retention import Policy
from assay.ops.backup.stores import LocalStore, Store

LOCAL_DAYS = 30
REMOTE_DAYS = 90
DEFAULT = "local"
"""The name of the store that is used when none is named."""

_WHERE = "[tool.assay.backup]"
_KEYS = frozenset({"store", "stores", "pitr"})
_STORE_KEYS = frozenset({"url", "days", "count", "endpoint", "region", "allow-http", "path-style"})
_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """A store as the project has set it."""

    name: str
    url: str
    """A folder, from the project's root, or ``s3://bucket/prefix``."""
    policy: Policy
    options: Mapping[str, Any]
    """``endpoint``, ``region``, ``allow-http``, ``path-style``: see the page on backups."""

    @property
    def is_remote(self) -> bool:
        """Whether it is elsewhere."""
        return self.url.startswith(_SCHEME)


def store_settings(settings: Settings, name: str | None = None) -> StoreSettings:
    """The store of a name, or at a folder or ``s3://`` URL given in its place.

    Raises ConfigurationError for a setting that is unknown or of the wrong type, UsageError for an unknown name.
    """
    stores = all_stores(settings)
    default = settings.backup.get("store", DEFAULT)
    if name is None:
        name = default if isinstance(default, str) else ""
    if name in stores:
        return stores[name]
    if name.startswith((_SCHEME, "/", ".", "~")):
        return _read(name, {"url": name})
    raise UsageError(
        f"There is no store {name!r}; there are {', '.join(stores)}. Name one in {_WHERE[:-1]}.stores], "
        "or give a folder (./backups) or s3://bucket/prefix"
    )


def all_stores(settings: Settings) -> dict[str, StoreSettings]:
    """The stores of a project by name: those it has set, and the folder ``backups`` as ``local`` unless that is set.

    Raises ConfigurationError.
    """
    table = settings.backup
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ConfigurationError(f"{_WHERE} has no setting {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}")
    stores = table.get("stores", {})
    if not isinstance(stores, dict):
        raise ConfigurationError(f"{_WHERE} stores must be a table of stores by name")
    return {name: _read(name, value) for name, value in ({DEFAULT: {"url": "backups"}} | stores).items()}


@dataclass(frozen=True, slots=True)
class PitrSettings:
    """How the project is restored to a moment."""

    archive: Path | None
    """The folder of the write-ahead log and the base backups; None unless set."""
    stanza: str | None
    """Of pgBackRest, which then does the work."""


def pitr_settings(settings: Settings) -> PitrSettings:
    """``[tool.assay.backup.pitr]``.

    Raises ConfigurationError for a setting that is unknown or of the wrong type.
    """
    table = settings.backup.get("pitr", {})
    where = f"{_WHERE[:-1]}.pitr]"
    if not isinstance(table, dict) or not all(isinstance(value, str) and value for value in table.values()):
        raise ConfigurationError(f"{where} must be a table of texts: archive, a folder; stanza, for pgBackRest")
    unknown = sorted(set(table) - {"archive", "stanza"})
    if unknown:
        raise ConfigurationError(f"{where} has no setting {unknown[0]!r}; there are archive, stanza")
    archive = settings.root / Path(table["archive"]).expanduser() if "archive" in table else None
    return PitrSettings(archive, table.get("stanza"))


def open_store(settings: Settings, store: StoreSettings) -> Store:
    """The store itself.

    Raises ConfigurationError when it needs a package that is not installed.
    """
    if not store.is_remote:
        return LocalStore(settings.root / Path(store.url).expanduser())
    from assay.ops.backup.s3 import S3Store

    return S3Store(store.url, store.options, environment(settings.root))


def _read(name: str, table: object) -> StoreSettings:
    where = f"{_WHERE[:-1]}.stores.{name}]"
    if not isinstance(table, dict) or not isinstance(table.get("url"), str) or not table["url"]:
        raise ConfigurationError(f'{where} needs a url: a folder such as "backups", or "s3://bucket/prefix"')
    unknown = sorted(set(table) - _STORE_KEYS)
    if unknown:
        raise ConfigurationError(f"{where} has no setting {unknown[0]!r}; there are {', '.join(sorted(_STORE_KEYS))}")
    days = REMOTE_DAYS if table["url"].startswith(_SCHEME) else LOCAL_DAYS
    policy = Policy(_number(table, "days", days, where), _number(table, "count", None, where))
    options = {key: value for key, value in table.items() if key not in ("url", "days", "count")}
    return StoreSettings(name, table["url"], policy, options)


def _number(table: Mapping[str, Any], key: str, default: int | None, where: str) -> int | None:
    value = table.get(key, default)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ConfigurationError(f"{where} {key} must be a whole number, 0 or more; 0 sets no limit")
    return value or None
