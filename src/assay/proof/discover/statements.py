"""The statements of a call: several, where its library takes several in one string."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assay.errors import ParameterError
from assay.proof.discover.given import Given
from assay.proof.discover.libraries import Owner
from assay.proof.discover.model import Call, Form, Sql
from assay.proof.discover.surfaces import DRIVER_SQL, Surface
from assay.proof.discover.wording import is_written_for
from assay.sql.splitting import split_statements
from assay.sql.styles import Misplaced, Style, parse


def style_of(surface: Surface, form: Form, given: Given) -> Style:
    """How the placeholders of a call's statement are written."""
    text = form.sql.text if isinstance(form.sql, Sql) else ""
    match surface.owner:
        case Owner.PSYCOPG | Owner.PSYCOPG2:
            # Without parameters the drivers leave the text as it is; psycopg's raw cursors always do.
            raw = not given.present or ("%" not in text and not is_written_for(surface.owner, text, Given()))
            return Style.NUMBERED if raw else surface.library.style
        case Owner.SQLALCHEMY if surface.method == DRIVER_SQL or form.wrapper is None:
            return Style.NUMBERED if is_written_for(Owner.ASYNCPG, text, given) else Style.FORMAT
    return surface.library.style


def split(call: Call, given: Given) -> Iterator[Call]:
    """A call for each of the statements in a call's string; the call itself where there is just one."""
    if not isinstance(call.sql, Sql) or not _takes_several(call, given):
        yield call
        return
    parts = split_statements(call.sql.text)
    if len(parts) < 2:
        yield call
        return
    pieces = call.sql.cut((part.start, part.start + len(part.text)) for part in parts)
    left = call.arguments
    for number, sql in enumerate(pieces, 1):
        all_of_them = number == len(pieces) or any(argument.name for argument in left)
        count = len(left) if all_of_them else _count(sql.text, call.style)
        yield replace(call, sql=sql, arguments=left[:count])
        left = left if all_of_them else left[count:]


def _count(sql: str, style: Style) -> int:
    try:
        return parse(sql, style).positional_count
    except (Misplaced, ParameterError):
        return 0


def _takes_several(call: Call, given: Given) -> bool:
    if call.surface.owner is Owner.PSYCOPG2:
        return call.surface.several
    return call.surface.several and not given.present
