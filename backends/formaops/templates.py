"""Templates: ``{{name}}`` stands for a variable, whose value is checked before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .models import Variable

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_TYPES = {"string": (str,), "number": (int, float), "boolean": (bool,)}


class TemplateError(ValueError):
    """A template, its variables and the values given do not fit each other."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in mistakes))
        self.mistakes = tuple(mistakes)
        """Of each, the variable and what is wrong."""


def verify(template: str, variables: Sequence[Variable]) -> None:
    """See that a template can be rendered at all.

    Raises:
        TemplateError: a name is there twice or not at all, or a default is not of its variable's type or options.
    """
    mistakes = list(_undeclared(template, variables))
    seen: set[str] = set()
    for variable in variables:
        if variable.name in seen:
            mistakes.append((variable.name, "it is declared twice"))
        seen.add(variable.name)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable.name):
            mistakes.append((variable.name, "a variable's name has letters, digits and _, and begins with no digit"))
        mistakes += [(variable.name, f"option {why}") for value in variable.options if (why := _unfit(variable, value))]
        if variable.default is not None and (why := _wrong(variable, variable.default)):
            mistakes.append((variable.name, f"its default {why}"))
    _raise(mistakes)


def fill(variables: Sequence[Variable], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a template is rendered with: those given, and defaults for the others.

    Raises:
        TemplateError: a value is missing, is of another type or none of the options, or is no variable's.
    """
    names = {variable.name for variable in variables}
    mistakes = [(name, "there is no such variable") for name in given if name not in names]
    filled: dict[str, Any] = {}
    for variable in variables:
        value = given.get(variable.name)
        if value is None:
            value = variable.default
        if value is None and variable.required:
            mistakes.append((variable.name, "it is required"))
        elif value is not None and (why := _wrong(variable, value)):
            mistakes.append((variable.name, f"it {why}"))
        filled[variable.name] = value
    _raise(mistakes)
    return filled


def render(template: str, variables: Sequence[Variable], given: Mapping[str, Any]) -> str:
    """The template with its values; a variable that has none leaves nothing. Raises TemplateError as ``fill`` does."""
    values = fill(variables, given)
    _raise(list(_undeclared(template, variables)))
    return _PLACE.sub(lambda place: _text(values[place[1]]), template)


def _undeclared(template: str, variables: Iterable[Variable]) -> Iterable[tuple[str, str]]:
    names = {variable.name for variable in variables}
    used = dict.fromkeys(place[1] for place in _PLACE.finditer(template))
    return [(name, "the template uses it, but it is not declared") for name in used if name not in names]


def _wrong(variable: Variable, value: object) -> str | None:
    if why := _unfit(variable, value):
        return why
    if variable.options and value not in variable.options:
        return f"is none of {', '.join(_text(option) for option in variable.options)}"
    return None


def _unfit(variable: Variable, value: object) -> str | None:
    fits = isinstance(value, _TYPES[variable.type]) and (variable.type == "boolean" or not isinstance(value, bool))
    return None if fits else f"is not a {variable.type}"


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _raise(mistakes: Sequence[tuple[str, str]]) -> None:
    if mistakes:
        raise TemplateError(mistakes)
