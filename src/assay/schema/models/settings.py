"""What ``[tool.assay.models]`` asks for."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from assay.errors import ConfigurationError
from assay.proof.rowsource import Style

_WHERE = "[tool.assay.models]"


@dataclass(frozen=True, slots=True)
class Payload:
    """A class that the values of a JSON column are decoded into."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How models are written where the command line does not say."""

    output: str | None = None
    """The folder or file, from the project's root."""
    style: Style = "dataclass"
    crud: bool = False
    payloads: Mapping[tuple[str, ...], Payload] = field(default_factory=dict)
    """By table and column, or by schema, table and column."""


def model_settings(table: Mapping[str, Any]) -> ModelSettings:
    """Read the table of settings; raises ConfigurationError for what is none of them.

    A setting whose name has a dot in it is a column and the class of its payload:
    ``"captures.evidence" = "app.payloads:Evidence"``.
    """
    own = {name: value for name, value in table.items() if name in ("output", "style", "crud")}
    output, style, crud = own.get("output"), own.get("style", "dataclass"), own.get("crud", False)
    if output is not None and (not isinstance(output, str) or not output):
        raise ConfigurationError(f"{_WHERE} output must be the path of a folder or of a .py file")
    if style not in ("dataclass", "struct"):
        raise ConfigurationError(f'{_WHERE} style is {style!r}; it takes "dataclass" or "struct"')
    if not isinstance(crud, bool):
        raise ConfigurationError(f"{_WHERE} crud must be true or false")
    columns = {name: value for name, value in table.items() if name not in own}
    payloads = {name: _payload(".".join(name), value) for name, value in _columns((), columns)}
    return ModelSettings(output, cast("Style", style), crud, payloads)


def _columns(prefix: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The columns named, whether their dots stand in quotation marks or make tables of TOML."""
    for name, value in table.items():
        path = (*prefix, *name.split("."))
        if isinstance(value, dict):
            yield from _columns(path, value)
        elif len(path) in (2, 3):
            yield path, value
        else:
            raise ConfigurationError(
                f"{_WHERE} has no setting {'.'.join(path)!r}; there are crud, output, style, and columns: "
                '"table.column" = "package.module:Class"'
            )


def _payload(column: str, value: object) -> Payload:
    module, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    parts = [*module.split("."), name]
    if not colon or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ConfigurationError(
            f'{_WHERE} "{column}" must name a class as "package.module:Class", and it is {value!r}'
        )
    return Payload(module, name)
