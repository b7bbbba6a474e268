"""Tables that rows are copied into: the statement that tells of their columns."""

from __future__ import annotations

from assay.errors import UsageError
from assay.proof.discover.model import NotConstant, Run, Sql
from assay.sql.names import table_name

_BEFORE, _BEHIND = "insert into ", " default values returning *"


def inserting_into(table: Sql | NotConstant) -> Sql | NotConstant:
    """A statement that writes to a table and returns all of its columns; it is described and never run.

    What is put around the name stands, for messages, where the name begins and ends.
    """
    if isinstance(table, NotConstant):
        return table
    try:
        table_name(table.text)
    except UsageError as error:
        return NotConstant(table.place(1), error.message.partition(";")[0])
    first, last = table.runs[0], table.runs[-1]
    before = tuple(Run(character, first.source, first.offset) for character in _BEFORE)
    end = last.offset + max(len(last.text) - 1, 0)
    return Sql((*before, *table.runs, *(Run(character, last.source, end) for character in _BEHIND)))
