"""The embedded PostgreSQL server, and databases kept on it as templates.

Names are loaded when they are first used: the process that watches over an idle server needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.server.databases import create_database, drop_database
    from assay.server.embedded import Server, ServerStatus
    from assay.server.projects import for_settings
    from assay.server.templates import clone_database, template_database

__all__ = [
    "Server",
    "ServerStatus",
    "clone_database",
    "create_database",
    "drop_database",
    "for_settings",
    "template_database",
]

_ROOMS = {
    "Server": "embedded",
    "ServerStatus": "embedded",
    "clone_database": "templates",
    "create_database": "databases",
    "drop_database": "databases",
    "for_settings": "projects",
    "template_database": "templates",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'assay.server' has no attribute {name!r}")
    return getattr(import_module(f"assay.server.{_ROOMS[name]}"), name)
