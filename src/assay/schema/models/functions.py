"""What a table's module can have, in order."""

from __future__ import annotations

from collections.abc import Callable

from assay.schema.models.module import Module
from assay.schema.models.reading import get, get_by_keys, page, page_by_parents, stream
from assay.schema.models.writing import copy, delete, insert, insert_many, update, upsert

FUNCTIONS: tuple[Callable[[Module], None], ...] = (
    get, get_by_keys, page, page_by_parents, stream, insert, insert_many, copy, upsert, update, delete,
)  # fmt: skip
"""In the order of the module; each adds what there can be for a table, which may be nothing."""
