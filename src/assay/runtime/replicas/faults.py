"""What it means for a statement proven read-only that a replica failed with it."""

from __future__ import annotations

from assay.errors import (
    ConnectionFailed,
    DatabaseError,
    DeadlockDetected,
    Error,
    OperatorIntervention,
    QueryCanceled,
    ResourceError,
    SerializationFailure,
)
from assay.runtime.query import Query
from assay.runtime.replicas.proven import Proven

_PASSED_ON = (SerializationFailure, DeadlockDetected, ConnectionFailed, OperatorIntervention, ResourceError)
"""What a replica fails with although the statement is right: replay had to remove what it was reading (manual section
26.4.2), the server stops, or lacks something. The statement changes nothing, so it may run once more."""
_NOT_FOR_REPLICAS = frozenset({"25006", "0A000", "55000"})
"""The statement would write, reads an unlogged table, or asks for what only a primary can do."""


def is_replicas_fault(error: Error, query: Query, proven: Proven) -> bool:
    """Whether the primary has to run the statement after all; one that no replica can run is remembered as such."""
    if isinstance(error, DatabaseError) and error.sqlstate in _NOT_FOR_REPLICAS:
        proven.refute(query)
        return True
    return isinstance(error, _PASSED_ON) and not isinstance(error, QueryCanceled)
