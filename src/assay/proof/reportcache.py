"""Reports kept between runs, so that a project in which nothing changed is not read, imported or described again.

One file for each project and request lies in ``HOME/proofs``, the user's own, beside the descriptions. Its name is made
of what was asked for, and of what the answer depends on outside of the project; in it is the state of every file and
folder that the answer depends on. It may be deleted at any time. Where anything in it is not as it should be, it counts
as not there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.config import Settings
from assay.errors import Error
from assay.proof.basis import Basis
from assay.proof.discover.files import python_files
from assay.proof.findings import RULES, Finding, Unverified
from assay.proof.inputs import Beginning, Inputs
from assay.proof.place import Place
from assay.proof.report import Report
from assay.proof.state import state_of_assay, state_of_programs, state_of_python
from assay.proof.wholefiles import replace_file

MOST_FILES = 20
"""How many reports are kept; the ones that were not asked for longest are forgotten first."""


@dataclass(frozen=True, slots=True)
class ReportCache:
    """The file of one request."""

    path: Path
    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> ReportCache | None:
        """Where the report is kept; None where it is not: a report from the offline cache, or of a living schema."""
        if settings.offline or not settings.migrations.is_dir():
            return None
        from assay.server.binaries import find_programs
        from assay.server.embedded import Server

        with suppress(Error, OSError):
            home = Server.locate(settings.server).layout.home
            programs = find_programs(settings.server)
            identity = [repr(settings), state_of_assay(), state_of_programs(programs), state_of_python()]
            name = sha256("\0".join(identity).encode(errors="surrogateescape")).hexdigest()[:32]
            return cls(home / "proofs" / f"{name}.report", settings)
        return None

    def read(self) -> Report | None:
        """The report, if nothing that it depends on has changed."""
        start = time.perf_counter()
        with suppress(OSError, ValueError, KeyError, TypeError, IndexError):
            digest, _, content = self.path.read_bytes().partition(b"\n")
            if sha256(content).hexdigest().encode() != digest:
                return None
            head, _, queries = content.partition(b"\n")
            value = json.loads(head)
            if value["sources"] != self._sources() or not _inputs_from_json(value["inputs"]).hold():
                return None
            report = _report_from_json(value["report"], queries)
            with suppress(OSError):  # where only reading is allowed
                os.utime(self.path)
            return replace(report, seconds=time.perf_counter() - start)
        return None

    def begin(self) -> Beginning:
        """Look at the project's own files before they are read."""
        return Beginning.of([*self._sources(), *self._migrations()])

    def write(self, report: Report, beginning: Beginning, files: Iterable[str], folders: Iterable[str]) -> None:
        """Keep a report that depends on the files and folders given, and on the project's own files.

        Where that cannot be done, or is not safe, the next run has no report to take.
        """
        if report.basis.migrations:
            with suppress(OSError):
                self._write(report, beginning, set(files), set(folders))

    def _write(self, report: Report, beginning: Beginning, files: set[str], folders: set[str]) -> None:
        sources = self._sources()
        own = {*sources, *self._migrations()}
        inputs = beginning.inputs(files | own, {*folders, str(self.settings.migrations), *_python_path()})
        if inputs is None or own != beginning.files:
            return
        value = {"inputs": _inputs_to_json(inputs), "report": _report_to_json(report), "sources": sources}
        content = b"\n".join([json.dumps(value, separators=(",", ":")).encode(), report.queries])
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path, sha256(content).hexdigest().encode() + b"\n" + content, 0o600)
        kept = sorted(folder.glob("*.report"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[MOST_FILES:]:
            path.unlink(missing_ok=True)

    def _sources(self) -> list[str]:
        return [str(path) for path in python_files(self.settings.source, (self.settings.migrations,))]

    def _migrations(self) -> list[str]:
        with os.scandir(self.settings.migrations) as entries:
            return sorted(entry.path for entry in entries)


def _python_path() -> set[str]:
    return {str(Path(folder).absolute()) for folder in sys.path}


def _inputs_to_json(inputs: Inputs) -> list[Any]:
    return [dict(inputs.files), dict(inputs.folders)]


def _inputs_from_json(value: list[Any]) -> Inputs:
    files = {path: tuple(state) if state is not None else None for path, state in value[0].items()}
    return Inputs(files, value[1])


def _report_to_json(report: Report) -> dict[str, Any]:
    basis = report.basis
    return {
        "basis": [basis.server_version, basis.fingerprint, basis.migrations],
        "counts": [report.files, report.total, report.proved, report.ignored, report.classless],
        "findings": [_finding_to_json(found) for found in report.findings],
        "unverified": [
            [*_place_to_json(part.place), part.parameter, part.argument, part.why] for part in report.unverified
        ],
    }


def _report_from_json(value: dict[str, Any], queries: bytes) -> Report:
    files, total, proved, ignored, classless = value["counts"]
    return Report(
        findings=tuple(_finding_from_json(found) for found in value["findings"]),
        basis=Basis(*value["basis"]),
        files=files,
        seconds=0.0,
        total=total,
        proved=proved,
        ignored=ignored,
        classless=classless,
        unverified=tuple(Unverified(Place(*part[:3]), *part[3:]) for part in value["unverified"]),
        queries=queries,
    )


def _finding_to_json(found: Finding) -> list[Any]:
    call = _place_to_json(found.call) if found.call is not None else None
    where = [found.rule.code, found.rule.severity, _place_to_json(found.place), call, found.width, list(found.shown)]
    return [*where, found.message, list(found.because), found.fix, found.fixable, found.left]


def _finding_from_json(value: list[Any]) -> Finding:
    code, severity, place, call, width, shown, message, because, fix, fixable, left = value
    return Finding(
        replace(RULES[code], severity=severity),
        Place(*place),
        message,
        tuple(because),
        fix,
        call=Place(*call) if call is not None else None,
        width=width,
        shown=tuple(shown),
        fixable=fixable,
        left=left,
    )


def _place_to_json(place: Place) -> list[Any]:
    return [place.path, place.line, place.column]
