"""``assay check``: prove every query of the project."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.connecting import proving_option
from assay.cli.output import format_option, write_json
from assay.cli.progress import progress_bar
from assay.config import DatabaseUrl, Settings, load_settings
from assay.wording import counted

if TYPE_CHECKING:
    from assay.proof.against import Against, Side
    from assay.proof.checking import Mending
    from assay.proof.report import Report


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@proving_option
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--show-unverified", is_flag=True, help="List the arguments whose types no annotation tells.")
@click.option("--fix", is_flag=True, help="Mend in the code what has one right answer, then prove it again.")
@click.option("--diff", is_flag=True, help="With --fix, show the changes and write nothing.")
@click.option("--watch", "watching", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@click.option(
    "--against",
    metavar="REF",
    help="Prove the code of another git revision, which runs now, on the schema of the work tree, and tell only what "
    "that schema breaks.",
)
@click.option("--both", is_flag=True, help="With --against, prove the code of now on the other schema too.")
@format_option("github", "sarif")
def command(
    paths: tuple[Path, ...],
    database_url: str | None,
    strict: bool,
    show_unverified: bool,
    fix: bool,
    diff: bool,
    watching: bool,
    against: str | None,
    both: bool,
    output_format: str,
) -> None:
    """Prove every query of the project, or of the given files and folders.

    Each statement is described by a PostgreSQL that has the schema of the migrations, and compared with the row
    classes and arguments in the code. With ASSAY_OFFLINE=true the answers come from the offline cache, without a
    server. Exits with 1 when something is wrong. assay explain says more about each finding.
    """
    if diff and not fix:
        raise click.UsageError("--diff shows what --fix would change; give both.")
    if watching and fix:
        raise click.UsageError("--watch only looks; give --fix without it.")
    if both and against is None:
        raise click.UsageError("--both goes with --against.")
    if against is not None and (fix or watching or paths):
        raise click.UsageError("--against proves the whole project; give it without paths, --fix and --watch.")
    server = DatabaseUrl.parse(database_url) if database_url else None
    run = _Run(_settings(paths), server, show_unverified, output_format)
    if against is not None:
        if run.against(against, both=both).fails(strict=strict):
            sys.exit(1)
    elif watching:
        from assay.cli.watch import watch

        watch(run.settings, lambda: replace(run, settings=_settings(paths)).check())
    elif (run.fix(write=not diff) if fix else run.check()).fails(strict=strict):
        sys.exit(1)


def _settings(paths: tuple[Path, ...]) -> Settings:
    settings = load_settings()
    return replace(settings, source=tuple(path.resolve() for path in paths)) if paths else settings


@dataclass(frozen=True, slots=True)
class _Run:
    """A check as it was asked for."""

    settings: Settings
    server: DatabaseUrl | None
    show_unverified: bool
    output_format: str

    def check(self) -> Report:
        """Prove and report."""
        report = self._proved()
        self._write(report)
        return report

    def fix(self, *, write: bool) -> Report:
        """Mend what can be mended, prove again, and report; or only show what would change."""
        from assay.proof.checking import mended
        from assay.proof.fix.files import require_libcst, write_files

        require_libcst()
        with progress_bar("Proving") as told:
            mending = mended(self.settings, self.server, told)
        if not write:
            self._write_diff(mending)
            return mending.report
        write_files(mending.edits)
        after = self._proved() if mending.edits else mending.report
        self._write(after, mending)
        return after

    def against(self, ref: str, *, both: bool) -> Against:
        """Prove the code of a revision on the schema of now, and report what breaks."""
        from assay.proof.against import against

        with progress_bar("Proving") as told:
            found = against(self.settings, ref, self.server, both=both, progress=told)
        if self.output_format == "json":
            write_json(found.to_json())
        elif self.output_format == "text":
            for side in found.sides:
                self._write_side(side)
        else:
            self._write(replace(found.sides[0].report, findings=found.findings))
        return found

    def _write_side(self, side: Side) -> None:
        from assay.proof.report import coloured, finding_lines, plain

        paint = coloured if takes_colours() else plain
        for found in side.report.findings:
            print_lines(finding_lines(found, paint))
        broken = len({found.call or found.place for found in side.report.findings if found.is_error})
        queries = f"{side.report.total} {'query' if side.report.total == 1 else 'queries'}"
        verdict = f"{broken} of {queries} would break" if broken else f"{queries}, nothing breaks"
        print_lines([f"{side.title[:1].upper()}{side.title[1:]}: {verdict}, in {side.report.seconds:.2f} s"])

    def _proved(self) -> Report:
        from assay.proof.checking import checked

        with progress_bar("Proving") as told:
            return checked(self.settings, self.server, told)

    def _write(self, report: Report, fixed: Mending | None = None) -> None:
        """Write a report; ``fixed`` is what was mended before it."""
        match self.output_format:
            case "json":
                write_json(report.to_json() | ({"fixed": _fixed_to_json(fixed)} if fixed is not None else {}))
            case "github":
                from assay.proof.reports.github import to_github

                print_lines(to_github(report, self.settings.root, self._base))
            case "sarif":
                from assay.proof.reports.sarif import to_sarif

                write_json(to_sarif(report, self.settings.root, self._base))
            case _:
                self._write_text(report, fixed)

    def _write_text(self, report: Report, fixed: Mending | None) -> None:
        from assay.proof.report import coloured, plain, to_text

        for path, what in fixed.changes if fixed is not None else ():
            print_lines([f"fixed {path}: {what}"])
        paint = coloured if takes_colours() else plain
        print_lines(
            to_text(report, show_unverified=self.show_unverified, show_left=fixed is not None, paint=paint),
        )

    def _write_diff(self, mending: Mending) -> None:
        from assay.proof.fix.files import diff_lines

        if self.output_format == "json":
            write_json(mending.report.to_json() | {"diff": "".join(diff_lines(mending.edits))})
            return
        sys.stdout.writelines(diff_lines(mending.edits))
        count = f"{mending.fixable} of {counted(len(mending.report.findings), 'finding')}"
        print(f"Would mend {count} in {counted(len(mending.edits), 'file')}; nothing was written", file=sys.stderr)

    @property
    def _base(self) -> Path:
        from assay.proof.reports.located import base_folder

        return base_folder(self.settings.root, os.environ)


def _fixed_to_json(mending: Mending) -> list[dict[str, Any]]:
    return [{"path": path, "what": what} for path, what in mending.changes]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; characters that standard output cannot take are written as escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    for line in lines:
        print(line)


def takes_colours() -> bool:
    """Whether standard output is a terminal that is to have colours (https://no-color.org)."""
    is_terminal: bool = getattr(sys.stdout, "isatty", bool)()  # it is None where it was closed
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
