"""The ids of what links lead to within pages."""

from __future__ import annotations

from assay.schema.docs.model import Facts
from assay.schema.models.names import module_name, unlike


def column_anchor(number: int) -> str:
    """The id of a column's row on its table's page; columns are counted from 0."""
    return f"column-{number + 1}"


def type_uses(facts: Facts) -> dict[tuple[str, str], str]:
    """The id of the type of each column that has one of the database's own, by the table's page and the name."""
    return {
        (link.file, column): anchor
        for found, anchor in zip(facts.types, type_anchors(facts), strict=True)
        for link, column in found.columns
    }


def type_anchors(facts: Facts) -> list[str]:
    """The id of each type's part of the page."""
    return _anchors([found.name for found in facts.types])


def routine_anchors(facts: Facts) -> list[str]:
    """The id of each function's part of the page."""
    return _anchors([found.name for found in facts.routines])


def _anchors(names: list[str]) -> list[str]:
    taken: set[str] = set()
    anchors: list[str] = []
    for name in names:
        anchors.append(unlike(module_name(name.removeprefix("public.")), taken))
        taken.add(anchors[-1])
    return anchors
