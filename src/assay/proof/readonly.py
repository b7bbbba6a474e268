"""The list of statements that are proven read-only, from which a running program knows what replicas may answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from assay.proof.answers import Answers
from assay.proof.description import Description
from assay.proof.verdict.query import Query
from assay.runtime.replicas.proven import FILE, encode


def read_only_list(queries: Iterable[Query], answers: Answers) -> dict[str, bytes]:
    """The list's file, as a name in the folder of the offline cache with its content; none where nothing is answered.

    Statements go by their text as it is sent: that is what PostgreSQL judged, and what a pool knows.
    """
    described = {query.statement.text: answers.by_sql.get(query.statement.source) for query in queries}
    found = {text: answer for text, answer in described.items() if isinstance(answer, Description)}
    if not found:
        return {}
    texts = (text for text, answer in found.items() if answer.read_only)
    return {Path(FILE).name: encode(answers.basis.fingerprint, texts)}
