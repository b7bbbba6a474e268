"""Types that change under a call without contradicting what its code declares.

``datetime`` is the class of a moment with a time zone and of one without, and ``int`` of numbers of every width. Where
no class is named for rows or the type of an argument is not known, there is nothing that could be contradicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.pgtypes.model import PgType
from assay.pgtypes.python import python_type
from assay.proof.described import DescribedCall
from assay.proof.description import Column, Description
from assay.proof.findings import Finding, finding
from assay.proof.shrinking import takes_all
from assay.proof.stored import sql_name

_ZONED = {"timestamp": False, "time": False, "timestamptz": True, "timetz": True}
_NUMBERS = ("int2", "int4", "int8", "float4", "float8")
"""Numbers of a width, beyond which the driver refuses to send them."""
_FIX = "add a column of the new type, write both, move the readers, and drop the old one in a later migration"


def retyped(before: DescribedCall, after: DescribedCall) -> Iterator[Finding]:
    """What a change of types brings to a call on the schema after, beside what it is told of its declarations."""
    if len(before.descriptions) != len(after.descriptions):
        return
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for old, new in zip(before.descriptions, after.descriptions, strict=True):
        found += [("ASY302", *each) for each in _arguments(old, new, unverified=after.unverified)]
        if after.gives_rows:
            found += [("ASY204", *each) for each in _columns(old, new, classless=after.classless)]
    for code, message, because in dict.fromkeys(found):
        yield finding(code, after.place, message, because=because, fix=_FIX, call=after.place)


def _arguments(before: Description, after: Description, *, unverified: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    if len(before.params) != len(after.params):
        return
    for number, (old, new) in enumerate(zip(before.params, after.params, strict=True), 1):
        because = _argument(old.type, new.type, unverified=unverified)
        if because:
            yield f"parameter {number} is {new.type}, and was {old.type}", (because,)


def _argument(old: PgType, new: PgType, *, unverified: bool) -> str:
    """Why arguments may not be sent any more, or mean something else; empty where they may and do not."""
    gained = _zone(old, new)
    if gained is not None:
        return _NAIVE if gained else "a datetime with a time zone is refused, or loses it"
    if takes_all(sql_name(old), sql_name(new)):
        return ""
    if _class(old) == _class(new):
        return "numbers beyond its width are refused" if _base(old) in _NUMBERS and _base(old) != _base(new) else ""
    return f"it is sent as {_class(new)}, and was sent as {_class(old)}" if unverified else ""


_NAIVE = (
    "a datetime without a time zone is taken for one of the program's or the session's, and one with it was refused"
)


def _columns(before: Description, after: Description, *, classless: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    for old, new in _paired(before.columns, after.columns):
        gained = _zone(old.type, new.type)
        message = f'column "{new.name}" is {new.type}, and was {old.type}'
        if gained is not None:
            has, had = ("a time zone", "none") if gained else ("no time zone", "one")
            yield message, (f"its values have {has}, and had {had}; Python does not compare the two",)
        elif classless and _class(old.type) != _class(new.type):
            yield message, (f"the call returns {_class(new.type)}, and returned {_class(old.type)}",)


def _paired(before: tuple[Column, ...], after: tuple[Column, ...]) -> Iterable[tuple[Column, Column]]:
    if [column.name for column in before] == [column.name for column in after]:
        return zip(before, after, strict=True)
    by_name = {column.name: column for column in before}
    return ((by_name[column.name], column) for column in after if column.name in by_name)


def _zone(old: PgType, new: PgType) -> bool | None:
    """Whether moments have gained a time zone, True, or lost it; None where neither has happened."""
    was, now = list(_moments(old)), list(_moments(new))
    if len(was) == len(now):
        return next((after for before, after in zip(was, now, strict=True) if before != after), None)
    return None


def _moments(kind: PgType) -> Iterator[bool]:
    if kind.kind == "base" and kind.schema is None and kind.name in _ZONED:
        yield _ZONED[kind.name]
    for part in (kind.element, *(field for _, field in kind.fields)):
        if part is not None:
            yield from _moments(part)


def _base(kind: PgType) -> str:
    return _base(kind.element) if kind.element is not None and kind.kind in ("array", "domain") else kind.name


def _class(kind: PgType) -> str:
    """The Python class of values: a label of an enum is a str, whatever the labels are."""
    if kind.kind == "enum":
        return "str"
    if kind.element is None:
        return python_type(kind)
    return _AROUND.get(kind.kind, "{}").format(_class(kind.element))


_AROUND = {"array": "list[{}]", "range": "asyncpg.Range[{}]", "multirange": "list[asyncpg.Range[{}]]"}
