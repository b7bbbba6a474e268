"""Row classes of every kind, read into one form."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

from assay.runtime.annotations import TypeArguments, class_hints


class Making(Enum):
    """How a row is made from the values of its fields."""

    CALL = "call"
    """By calling the class with them in order."""
    CALL_BY_NAME = "call by name"
    """By calling the class with keyword arguments."""
    STORE = "store"
    """By storing them in a bare instance, which is all that the class's own ``__init__`` would do."""
    DICT = "dict"
    VALIDATE = "validate"
    """By pydantic's validator."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row class, and so a column of the statements that fill it."""

    name: str
    annotation: Any
    keyword: str
    """The name of its argument, where the class is called."""
    required: bool = True
    """False only for a TypedDict's NotRequired key, and an InitVar with a default: all others must have a column."""


@dataclass(frozen=True, slots=True)
class RowClass:
    """A class whose instances are rows."""

    kind: type
    fields: tuple[Field, ...]
    making: Making

    @property
    def name(self) -> str:
        """As messages call it."""
        return self.kind.__name__

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)


def read_row_class(row: Any) -> RowClass | None:
    """The row class that an annotation names; None for anything that is one value, and for plain tuples.

    Raises RowClassError when a field's annotation cannot be evaluated.
    """
    kind = typing.get_origin(row) or row
    found = _read(kind) if isinstance(kind, type) else None
    return _with_arguments(found, row) if found is not None else None


def _with_arguments(found: RowClass, row: Any) -> RowClass:
    """A generic class as its type arguments make it."""
    arguments = TypeArguments(row)
    fields = tuple(replace(field, annotation=arguments.of(field.name, field.annotation)) for field in found.fields)
    return replace(found, fields=fields)


@lru_cache(maxsize=4096)
def _read(kind: type) -> RowClass | None:
    return next((read(kind) for recognises, read in _KINDS if recognises(kind)), None)


def _is_typed_dict(kind: type) -> bool:
    return issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _marked(mark: str) -> Callable[[type], bool]:
    return lambda kind: hasattr(kind, mark)


def _typed_dict(kind: Any) -> RowClass:
    hints = class_hints(kind)
    fields = (Field(name, hints[name], name, _is_required(kind, name, hints[name])) for name in hints)
    return RowClass(kind, tuple(fields), Making.DICT)


def _is_required(kind: Any, name: str, annotation: Any) -> bool:
    # With annotations kept as strings, __required_keys__ does not know of those marked one by one.
    origin = typing.get_origin(annotation)
    while origin is typing.Annotated or getattr(origin, "_name", None) == "ReadOnly":
        annotation = typing.get_args(annotation)[0]
        origin = typing.get_origin(annotation)
    marked = {typing.Required: True, typing.NotRequired: False}.get(origin)
    return name in kind.__required_keys__ if marked is None else marked


def _named_tuple(kind: Any) -> RowClass:
    hints = class_hints(kind)
    fields = (Field(name, hints.get(name, Any), name) for name in kind._fields)
    return RowClass(kind, tuple(fields), Making.CALL)


def _struct(kind: Any) -> RowClass:
    return _called(kind, ((name, name) for name in kind.__struct_fields__))


def _attrs(kind: Any) -> RowClass:
    return _called(kind, ((field.name, field.alias) for field in kind.__attrs_attrs__ if field.init))


def _pydantic(kind: Any) -> RowClass:
    hints = class_hints(kind)
    fields = (Field(name, hints[name], name) for name in kind.__pydantic_fields__)
    return RowClass(kind, tuple(fields), Making.VALIDATE)


def _dataclass(kind: Any) -> RowClass:
    row = _called(kind, ((field.name, field.name) for field in dataclasses.fields(kind) if field.init))
    init_only = tuple(_init_only(kind))
    if init_only:
        return replace(row, fields=(*row.fields, *init_only), making=Making.CALL_BY_NAME)
    return replace(row, making=Making.STORE) if _only_stores(kind) else row


def _init_only(kind: Any) -> Iterator[Field]:
    """What ``__init__`` takes and does not store: InitVar fields. One with a default may go without a column."""
    parameters = inspect.signature(kind).parameters
    for name, annotation in class_hints(kind).items():
        if isinstance(annotation, dataclasses.InitVar) and name in parameters:
            required = parameters[name].default is inspect.Parameter.empty
            yield Field(name, annotation.type, name, required)


def _called(kind: Any, names: Iterator[tuple[str, str]]) -> RowClass:
    hints = class_hints(kind)
    fields = tuple(Field(name, hints.get(name, Any), keyword) for name, keyword in names)
    arguments = list(inspect.signature(kind).parameters.values())
    in_order = [argument.name for argument in arguments] == [field.keyword for field in fields]
    by_position = in_order and all(argument.kind is argument.POSITIONAL_OR_KEYWORD for argument in arguments)
    return RowClass(kind, fields, Making.CALL if by_position else Making.CALL_BY_NAME)


def _only_stores(kind: Any) -> bool:
    """Whether creating an instance does nothing but store the fields, so that a builder may do it directly."""
    code = getattr(kind.__init__, "__code__", None)
    metaclass: Any = type(kind)
    return (
        "__dataclass_params__" in kind.__dict__
        and code is not None
        and code.co_filename == "<string>"  # generated by dataclasses, not the class's own
        and metaclass is type
        and not hasattr(kind, "__post_init__")
        and not hasattr(kind, "__del__")  # which would see instances without fields when a value does not fit
        and not any("__new__" in vars(base) for base in kind.__mro__[:-1])
        and all(field.init for field in dataclasses.fields(kind))
        and not _has_init_only_fields(kind)
        and (kind.__dataclass_params__.frozen or kind.__setattr__ is object.__setattr__)
    )


def _has_init_only_fields(kind: Any) -> bool:
    return len(inspect.signature(kind).parameters) != len(dataclasses.fields(kind))


_KINDS: tuple[tuple[Callable[[type], bool], Callable[[Any], RowClass]], ...] = (
    (_is_typed_dict, _typed_dict),
    (_is_named_tuple, _named_tuple),
    (_marked("__struct_fields__"), _struct),
    (_marked("__attrs_attrs__"), _attrs),
    (_marked("model_validate"), _pydantic),
    (_marked("__dataclass_fields__"), _dataclass),
)
