"""The annotations of a class's fields, evaluated: names that are imported for type checkers alone, and type variables.

What a module imports under ``if TYPE_CHECKING`` is not there when it runs, but its annotations name it. When such a
class is a row class, the import is looked up in the module's source and made.
"""

from __future__ import annotations

import ast
import inspect
import sys
import tokenize
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

from assay.errors import RowClassError


def class_hints(kind: type) -> dict[str, Any]:
    """The annotations of a class's attributes, inherited ones too, by name.

    Raises RowClassError for a name that is neither defined in the class's module nor imported there.
    """
    lent: list[tuple[ModuleType, str]] = []
    try:
        while True:
            try:
                return typing.get_type_hints(kind, include_extras=True)
            except NameError as error:
                name = error.name or ""
                owner = next((module for module in _modules(kind) if name in _imports(module)), None)
                if owner is None or (owner, name) in lent:
                    raise _unknown(kind, name) from None
                vars(owner)[name] = _made(owner, name, kind)
                lent.append((owner, name))
    finally:
        for module, name in lent:
            vars(module).pop(name, None)


def _unknown(kind: type, name: str) -> RowClassError:
    return RowClassError(
        f"The annotations of {kind.__name__} name {name!r}, which its module does not define or import; "
        f"define row classes, and what they are made of, at the top of a module"
    )


def _modules(kind: type) -> Iterator[ModuleType]:
    for base in kind.__mro__:
        module = sys.modules.get(base.__module__)
        if module is not None:
            yield module


@lru_cache(maxsize=256)
def _imports(module: ModuleType) -> dict[str, tuple[str, str | None]]:
    """What a module's source imports, outside of functions and classes: a module, and perhaps a name in it."""
    try:
        with tokenize.open(getattr(module, "__file__", None) or "") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[str, tuple[str, str | None]] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name.partition(".")[0]: (a.name, None) for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            path = "." * node.level + (node.module or "")
            found |= {a.asname or a.name: (path, a.name) for a in node.names}
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            yield from _statements([*node.body, *node.orelse])


def _made(module: ModuleType, name: str, kind: type) -> Any:
    """What an import binds to a name."""
    path, attribute = _imports(module)[name]
    try:
        imported = import_module(path, getattr(module, "__package__", None) or None)
        if attribute is None:
            return sys.modules[name] if name == path.partition(".")[0] else imported
        if hasattr(imported, attribute):
            return getattr(imported, attribute)
        return import_module(f"{imported.__name__}.{attribute}")
    except Exception as error:
        raise RowClassError(
            f"The annotations of {kind.__name__} name {name!r}, which cannot be imported ({error}); "
            f"correct the import in {module.__name__}"
        ) from error


def substituted(annotation: Any, known: Mapping[Any, Any]) -> Any:
    """An annotation with other annotations in the places of type variables."""
    if isinstance(annotation, typing.TypeVar):
        return known.get(annotation, annotation)
    variables = getattr(annotation, "__parameters__", ()) if typing.get_args(annotation) else ()
    return annotation[tuple(known.get(variable, variable) for variable in variables)] if variables else annotation


class TypeArguments:
    """What the type variables of a generic class and of its bases stand for: in ``Box[int]``, that T is int."""

    def __init__(self, row: Any) -> None:
        self.kind, given = _opened(row)
        self._known: dict[type, dict[Any, Any]] = {}
        self._gather(self.kind, given)

    def _gather(self, kind: Any, given: tuple[Any, ...]) -> None:
        known = dict(zip(_variables(kind), given, strict=False))
        self._known[kind] = known
        for base in vars(kind).get("__orig_bases__", kind.__bases__):
            origin, arguments = _opened(base)
            if isinstance(origin, type) and origin not in self._known:
                self._gather(origin, tuple(substituted(argument, known) for argument in arguments))

    def of(self, name: str, annotation: Any) -> Any:
        """The annotation of an attribute, with what is known put into it."""
        if not any(self._known.values()):
            return annotation
        owner = next((base for base in self.kind.__mro__ if name in _annotated(base)), self.kind)
        anywhere = {variable: argument for known in self._known.values() for variable, argument in known.items()}
        return substituted(annotation, anywhere | self._known.get(owner, {}))


def _opened(row: Any) -> tuple[Any, tuple[Any, ...]]:
    """A generic class and its arguments; pydantic makes a class of its own of the two."""
    made = getattr(row, "__pydantic_generic_metadata__", None) if isinstance(row, type) else None
    if made and made["origin"] is not None:
        return made["origin"], made["args"]
    return typing.get_origin(row) or row, typing.get_args(row)


def _variables(kind: Any) -> tuple[Any, ...]:
    made = getattr(kind, "__pydantic_generic_metadata__", None)
    return made["parameters"] if made else getattr(kind, "__parameters__", ())


def _annotated(kind: type) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(kind, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(kind)
