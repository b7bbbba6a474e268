"""The embedded PostgreSQL server, and databases kept on it as templates.

Names are loaded when they are first used: the process that watches over an idle server needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.server.embedded import Server, ServerStatus

__all__ = [
    "Server",
    "ServerStatus",
]

_ROOMS = {
    "Server": "embedded",
    "ServerStatus": "embedded",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'assay.server' has no attribute {name!r}")
    return getattr(import_module(f"assay.server.{_ROOMS[name]}"), name)
