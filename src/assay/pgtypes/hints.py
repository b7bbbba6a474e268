"""Python annotations as values: taken apart for comparing, put into words for reports."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

NoneType = type(None)

_WRAPPERS = (typing.Final, typing.ClassVar, typing.Required, typing.NotRequired)


@dataclass(frozen=True, slots=True)
class Hint:
    """An annotation without its None: ``str | None`` has the member ``str`` and is optional."""

    members: tuple[Any, ...]
    """The alternatives of a union, or the one annotation; empty for ``None`` alone."""
    optional: bool
    """Whether None is among the values."""

    @property
    def open(self) -> bool:
        """Whether any value at all is allowed, None included."""
        return any(member in (Any, object) for member in self.members)


def read_hint(annotation: Any) -> Hint:
    """Take an annotation apart; Annotated, NewType, type aliases, Final and bounded TypeVars are seen through."""
    members: list[Any] = []
    optional = False
    for part in _alternatives(annotation):
        if part is None or part is NoneType:
            optional = True
        elif typing.get_origin(part) is typing.Literal:
            values = typing.get_args(part)
            optional = optional or None in values
            kept = tuple(value for value in values if value is not None)
            members += [typing.Literal[kept]] if kept else []
        else:
            members.append(part)
    hint = Hint(tuple(dict.fromkeys(members)), optional)
    return Hint(hint.members, True) if hint.open else hint


def see_through(annotation: Any) -> Any:
    """The annotation that Annotated, NewType, a type alias, Final or a TypeVar's bound stands for."""
    while True:
        inner = _unwrapped(annotation)
        if inner is annotation:
            return annotation
        annotation = inner


def _unwrapped(annotation: Any) -> Any:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated or origin in _WRAPPERS or getattr(origin, "_name", None) == "ReadOnly":
        return typing.get_args(annotation)[0]
    if isinstance(annotation, typing.NewType):
        return annotation.__supertype__
    if isinstance(annotation, typing.TypeVar):
        return annotation.__bound__ or typing.Union[annotation.__constraints__ or (Any,)]  # noqa: UP007 - from a tuple
    if type(annotation).__name__ == "TypeAliasType":
        return annotation.__value__
    if type(origin).__name__ == "TypeAliasType":
        return origin.__value__[typing.get_args(annotation)]
    return annotation


def _alternatives(annotation: Any) -> Iterable[Any]:
    annotation = see_through(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _alternatives(part)
    else:
        yield annotation


def is_type(annotation: Any) -> bool:
    """Whether an annotation, see-through parts and None taken away, means something to type checkers.

    A library may let an object of its own stand for a type, as discord.py's ``Range[int, 1, 10]`` does.
    """
    kind = class_of(annotation)
    return kind is not None or type(annotation).__module__ in ("typing", "types", "typing_extensions")


def class_of(annotation: Any) -> type | None:
    """The class that instances of the annotation have: ``list`` for ``list[int]``; None where there is none."""
    origin = typing.get_origin(annotation) or annotation
    return origin if isinstance(origin, type) else None


def ancestors(kind: type) -> tuple[str, ...]:
    """The full names of a class and its bases: ``("datetime.datetime", "datetime.date", "object")``."""
    return tuple(full_name(base) for base in kind.__mro__)


def full_name(kind: type) -> str:
    """``uuid.UUID``; of a built-in class the bare name."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def literal_values(annotation: Any) -> tuple[Any, ...] | None:
    """The values of a Literal or of an Enum class, or None for anything else."""
    if typing.get_origin(annotation) is typing.Literal:
        return tuple(value.value if isinstance(value, Enum) else value for value in typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(member.value for member in annotation)
    return None


def show(annotation: Any) -> str:
    """The annotation as one would write it: ``bytes | None``, ``list[int]``, ``Literal['a']``, ``Device``."""
    if annotation is None or annotation is NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):
        return f"[{', '.join(map(show, annotation))}]"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(show, arguments))
    if origin is typing.Annotated:
        return show(arguments[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(_literal, arguments))}]"
    if origin is not None and arguments:
        return f"{_name(origin)}[{', '.join(map(show, arguments))}]"
    return _name(annotation)


def _literal(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _name(annotation: Any) -> str:
    if isinstance(annotation, type) and annotation.__module__.partition(".")[0] == "asyncpg":
        return f"asyncpg.{annotation.__name__}"
    return getattr(annotation, "__name__", None) or str(annotation).removeprefix("typing.")
