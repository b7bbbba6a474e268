"""What the commands of ``assay backup`` share: the store they work on, and how they show sizes and progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay.cli.connecting import connecting_options
from assay.config import Settings, load_settings

if TYPE_CHECKING:
    from assay.ops.backup.manifest import Manifest
    from assay.ops.backup.settings import StoreSettings
    from assay.ops.backup.stores import Store

_F = TypeVar("_F", bound=Callable[..., Any])

url_option = connecting_options("The database.  [default: DATABASE_URL, or else the embedded server]")
store_option = click.option(
    "--store",
    "-s",
    metavar="STORE",
    help="A store that pyproject.toml names, a folder, or s3://bucket/prefix.  [default: local, the folder backups]",
)


def jobs_option(help_text: str) -> Callable[[_F], _F]:
    """``--jobs``."""
    return click.option("--jobs", "-j", type=click.IntRange(1, 64), default=1, show_default=True, help=help_text)


def opened(name: str | None) -> tuple[Settings, StoreSettings, Store]:
    """The project, and a store of it."""
    from assay.ops.backup.settings import open_store, store_settings

    settings = load_settings()
    found = store_settings(settings, name)
    return settings, found, open_store(settings, found)


def size(count: int) -> str:
    """Bytes in words: ``1.5 MB``."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def rows(count: int) -> str:
    """A number of rows in words."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def as_json(manifest: Manifest) -> dict[str, Any]:
    """What a report says of a backup; the whole manifest is in its file."""
    return {
        "id": manifest.id,
        "database": manifest.database,
        "place": manifest.place,
        "contents": str(manifest.contents),
        "format": str(manifest.archive),
        "started": manifest.started.isoformat(),
        "finished": manifest.finished.isoformat(),
        "server_version": manifest.server_version,
        "size": manifest.size,
        "rows": manifest.rows,
        "tables": len(manifest.tables),
        "schema_fingerprint": manifest.schema.fingerprint,
    }
