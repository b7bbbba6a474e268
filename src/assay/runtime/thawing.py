"""The classes whose bare instances a dataclass's fields are stored in, frozen or not."""

from __future__ import annotations

from typing import Any


def bare(kind: type) -> type | None:
    """The class whose bare instances a dataclass's fields are stored in: itself, or its twin if it is frozen."""
    frozen = getattr(kind, "__dataclass_params__").frozen  # noqa: B009 - not an attribute of every class
    return thawed_twin(kind) if frozen else kind


def thawed_twin(kind: type) -> type | None:
    """A class with the same layout as a frozen dataclass, that can be written to; None when there can be none."""
    own = vars(kind)
    names = getattr(kind, "__dataclass_fields__", ())
    if "__slots__" not in own and any(hasattr(own.get(name), "__set__") for name in names):
        return None
    if any("__init_subclass__" in vars(base) for base in kind.__mro__[1:-1]):
        return None
    scope = {"__setattr__": object.__setattr__} | ({"__slots__": own["__slots__"]} if "__slots__" in own else {})
    try:
        twin = type(kind.__name__, kind.__bases__, scope)
        _change_class(object.__new__(twin), kind)
    except TypeError:
        return None
    return twin


def _change_class(instance: Any, kind: type) -> None:
    instance.__class__ = kind
