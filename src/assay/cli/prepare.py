"""``assay prepare``: write the offline cache of proofs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from assay.cli.connecting import connect_timeout_option, no_dotenv_option, proving_option, reachable
from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings

if TYPE_CHECKING:
    from assay.proof.project import Preparation


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if the cache is not up to date.")
@proving_option
@connect_timeout_option
@no_dotenv_option
@format_option()
def command(only_check: bool, database_url: str | None, output_format: str) -> None:
    """Write the answers about every query to .assay, one file a query, for checks without a server.

    Files of queries that are gone are removed. Exits with 1 when a statement is refused, or, with --check, when a
    file is missing, changed or left over.
    """
    from assay.proof.checking import prepared

    server = reachable(DatabaseUrl.parse(database_url)) if database_url else None
    outcome = prepared(load_settings(), server, write=not only_check)
    if output_format == "json":
        write_json(_to_json(outcome))
    else:
        _print(outcome, only_check)
    if outcome.findings or (only_check and outcome.differences):
        sys.exit(1)


def _to_json(outcome: Preparation) -> dict[str, Any]:
    differences = outcome.differences
    return {
        "queries": outcome.queries,
        "written": list(outcome.written),
        "removed": list(outcome.removed),
        "missing": list(differences.missing),
        "changed": list(differences.changed),
        "orphaned": list(differences.orphaned),
        "places": {
            name: {"path": place.path, "line": place.line, "column": place.column}
            for name in (*differences.missing, *differences.changed)
            if (place := outcome.places.get(name)) is not None
        },
        "findings": [found.to_json() for found in outcome.findings],
        "server_version": outcome.basis.server_version,
        "migrations": outcome.basis.migrations,
        "seconds": round(outcome.seconds, 3),
    }


def _print(outcome: Preparation, only_check: bool) -> None:
    from assay.proof.cache import FOLDER
    from assay.proof.report import finding_lines

    for found in outcome.findings:
        print(*finding_lines(found), sep="\n")
    for word, names in _changes(outcome, only_check):
        for name in names:
            place = outcome.places.get(name) if only_check else None
            print(f"{word} {FOLDER}/{name}{f' ({place.path}:{place.line})' if place else ''}")
    print(_closing_line(outcome, only_check))


def _changes(outcome: Preparation, only_check: bool) -> list[tuple[str, tuple[str, ...]]]:
    if not only_check:
        return [("wrote", outcome.written), ("removed", outcome.removed)]
    found = outcome.differences
    return [("missing", found.missing), ("changed", found.changed), ("orphaned", found.orphaned)]


def _closing_line(outcome: Preparation, only_check: bool) -> str:
    queries = f"{outcome.queries} {'query' if outcome.queries == 1 else 'queries'}"
    if not only_check:
        written = sum(name.startswith("query-") for name in outcome.written)
        return f"Prepared {queries}, {written} new or changed, in {outcome.seconds:.2f} s"
    if outcome.differences or outcome.findings:
        return "The offline cache is not up to date; run assay prepare and commit the .assay folder"
    return f"The offline cache is up to date: {queries}, in {outcome.seconds:.2f} s"
