"""What is asked of outputs: a JSON Schema, a regular expression, or a function of this program by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import re2  # type: ignore[import-untyped]  # it comes without types
from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import best_match

from .models import Validation, ValidationStatus, ValidationType

Check: TypeAlias = Callable[[str], str | None]
"""Looks at an output; what is wrong with it, or None."""

_QUIET = re2.Options()
_QUIET.log_errors = False

FUNCTIONS: dict[str, Check] = {}
"""The functions that a validation may name; nothing of the database is ever run."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of validating an output."""

    status: ValidationStatus
    parsed: Any
    """The output as JSON, where a schema passed it."""
    mistakes: tuple[tuple[str, str], ...]
    """Of each validation that failed, its name and why."""


class ValidationConfigError(ValueError):
    """A validation cannot be used as it is written."""


def function(name: str) -> Callable[[Check], Check]:
    """Register a function under the name by which validations call it."""

    def register(check: Check) -> Check:
        FUNCTIONS[name] = check
        return check

    return register


@function("not_empty")
def not_empty(output: str) -> str | None:
    """Something must have come."""
    return None if output.strip() else "the output is empty"


@function("is_json")
def is_json(output: str) -> str | None:
    """It must be JSON."""
    try:
        json.loads(output)
    except ValueError as error:
        return f"the output is not JSON: {error}"
    return None


def verify(type_: ValidationType, config: Mapping[str, Any]) -> None:
    """See that a validation can be used.

    Raises:
        ValidationConfigError: it has no schema, pattern or function, or one that cannot be used.
    """
    _CHECKS[type_](config)


def judge(validations: Sequence[Validation], output: str) -> Judged:
    """Validate an output; without validations it is SKIPPED."""
    mistakes = []
    parsed: Any = None
    for validation in validations:
        why = _CHECKS[validation.type](validation.config)(output)
        if why is not None:
            mistakes.append((validation.name, why))
        elif validation.type is ValidationType.SCHEMA:
            parsed = json.loads(output)
    status = ValidationStatus.FAILED if mistakes else ValidationStatus.PASSED
    if not validations:
        status = ValidationStatus.SKIPPED
    return Judged(status, None if mistakes else parsed, tuple(mistakes))


def _schema(config: Mapping[str, Any]) -> Check:
    schema = _needed(config, "schema", dict)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValidationConfigError(f"the schema is not a JSON Schema: {error.message}") from None
    validator = Draft202012Validator(schema)

    def check(output: str) -> str | None:
        try:
            value = json.loads(output)
        except ValueError as error:
            return f"the output is not JSON: {error}"
        worst = best_match(validator.iter_errors(value))
        return f"{worst.json_path}: {worst.message}" if worst else None

    return check


def _pattern(config: Mapping[str, Any]) -> Check:
    # RE2 takes time in proportion to the text, whatever the pattern.
    try:
        pattern = re2.compile(_needed(config, "pattern", str), _QUIET)
    except re2.error as error:
        raise ValidationConfigError(f"the pattern cannot be used: {_words(error)}") from None
    return lambda output: None if pattern.search(output) else "the output does not match the pattern"


def _named(config: Mapping[str, Any]) -> Check:
    name = _needed(config, "function", str)
    if name not in FUNCTIONS:
        known = ", ".join(sorted(FUNCTIONS))
        raise ValidationConfigError(f"there is no function {name!r}; there are {known}")
    return FUNCTIONS[name]


_CHECKS: dict[ValidationType, Callable[[Mapping[str, Any]], Check]] = {
    ValidationType.SCHEMA: _schema,
    ValidationType.REGEX: _pattern,
    ValidationType.FUNCTION: _named,
}


def _needed(config: Mapping[str, Any], name: str, kind: type) -> Any:
    value = config.get(name)
    if not isinstance(value, kind):
        raise ValidationConfigError(f"its config needs {name!r}")
    return value


def _words(error: Exception) -> str:
    (what,) = error.args
    return what.decode(errors="replace") if isinstance(what, bytes) else str(what)
