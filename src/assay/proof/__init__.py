"""Proofs: what a statement takes and returns, and whether the code agrees.

Names are loaded when they are first used: a check from the offline cache needs no driver.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.proof.describe import describe
    from assay.proof.description import Column, Description, NullUse, Parameter, RowBound

__all__ = ["Column", "Description", "NullUse", "Parameter", "RowBound", "describe"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'assay.proof' has no attribute {name!r}")
    room = "describe" if name == "describe" else "description"
    value = getattr(import_module(f"assay.proof.{room}"), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """Keeps the name of the function when the module of the same name, in which it is defined, is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "describe" or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
