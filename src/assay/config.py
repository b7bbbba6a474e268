"""Settings: from the environment, a ``.env`` file and ``[tool.assay]`` in pyproject.toml, in that order."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from assay.errors import ConfigurationError

EMBEDDED_SERVER = "18"
"""The major version of the server that is used when nothing else is asked for."""

NO_DOTENV = "ASSAY_NO_DOTENV"
"""The variable that keeps Assay, and the processes that it starts, from reading ``.env``."""


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseUrl:
    """A ``postgresql://`` URL (manual section 34.1.1.2), whose text forms never show the password.

    ``url.reveal()`` gives the whole URL, for the driver only.
    """

    user: str | None
    password: str | None
    host: str | None
    """A host name or address, or the folder of a Unix socket (starts with ``/``)."""
    port: int | None
    database: str | None
    options: tuple[tuple[str, str], ...] = ()
    """What follows ``?``, less ``host``, ``port``, ``user``, ``password`` and ``dbname``, in order."""

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """Read a URL; raises ConfigurationError, which never shows it, when it is not one."""
        parts = _split(text.strip())
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(
            user=options.pop("user", None) or _unquoted(parts.username),
            password=options.pop("password", None) or _unquoted(parts.password),
            host=options.pop("host", None) or _unquoted(_host(parts.netloc)),
            port=_port(options.pop("port", None), parts),
            database=options.pop("dbname", None) or _unquoted(parts.path.removeprefix("/")) or None,
            options=tuple(options.items()),
        )

    def with_database(self, database: str) -> DatabaseUrl:
        """The same server, another database."""
        return DatabaseUrl(self.user, self.password, self.host, self.port, database, self.options)

    def reveal(self) -> str:
        """The whole URL with its password."""
        return self._text(self.password)

    @property
    def place(self) -> str:
        """Host, port and database in words for messages: ``database "app" at db.example:5432``."""
        host = self.host or "the default host"
        host = f"[{host}]" if ":" in host and not host.startswith("/") else host
        where = host if host.startswith("/") and self.port is None else f"{host}:{self.port or 5432}"
        return f'database "{self.database or self.user or "postgres"}" at {where}'

    def __str__(self) -> str:
        return self._text("***" if self.password else None)

    def __repr__(self) -> str:
        return f"DatabaseUrl({str(self)!r})"

    def _text(self, password: str | None) -> str:
        user = quote(self.user, safe="") if self.user else ""
        secret = f":{password if password == '***' else quote(password, safe='')}" if password else ""
        options = list(self.options)
        host = self.host or ""
        if host.startswith("/"):
            options.insert(0, ("host", host))
            host = ""
        elif ":" in host:
            host = f"[{host}]"
        port = f":{self.port}" if self.port is not None else ""
        if port and not host:
            options.insert(0, ("port", port[1:]))
            port = ""
        at = "@" if user or secret else ""
        query = f"?{urlencode(options, safe='/')}" if options else ""
        return f"postgresql://{user}{secret}{at}{host}{port}/{quote(self.database or '', safe='')}{query}"


_ESCAPING = "characters such as / : @ # ? in a password must be written as %2F %3A %40 %23 %3F"


def _split(text: str) -> SplitResult:
    """The parts of a URL, when it is one and no part of it can be a piece of a password that was not escaped."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ConfigurationError("The database URL is not one: its brackets do not fit an IPv6 address") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise ConfigurationError(
            "The database URL does not start with postgresql://; give it as postgresql://user@host:port/database"
        )
    if parts.fragment or "@" in parts.path or not all("=" in pair for pair in parts.query.split("&") if pair):
        raise ConfigurationError(f"The database URL cannot be read; {_ESCAPING}")
    return parts


def _host(netloc: str) -> str:
    """The host as it is written; urlsplit's own would be in lower case, which the folder of a socket is not."""
    place = netloc.rpartition("@")[2]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _port(given: str | None, parts: SplitResult) -> int | None:
    try:
        port = int(given) if given else parts.port
    except ValueError:
        port = 0
    if port is not None and not 1 <= port <= 65535:
        raise ConfigurationError(f"The port in the database URL is not a number from 1 to 65535; {_ESCAPING}")
    return port


@dataclass(frozen=True, slots=True)
class SettingsForTests:
    """What ``[tool.assay.testing]`` asks of the pytest plugin."""

    seed: tuple[str, ...] | None = None
    """The environments whose seeds every test's database has, none for the common ones alone; None leaves it empty."""
    memory: bool = True
    """Whether the databases may lie in a file system in memory."""
    recycle: bool = True
    """Whether a database is put back as it was for the next test; else each test has a new one."""
    keep_failed: int = 10
    """Databases of failed tests that a session keeps."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project asks of Assay."""

    root: Path
    """The folder of the pyproject.toml with ``[tool.assay]``, else the nearest one, else the working folder."""
    database_url: DatabaseUrl | None
    """``DATABASE_URL``; None means the embedded server."""
    database: str
    """The name of the project's database on the embedded server."""
    migrations: Path
    """The folder of the migrations; ``migrations`` unless set."""
    seeds: Path
    """The folder of the seeds; ``seeds`` unless set."""
    source: tuple[Path, ...]
    """The folders and files whose queries are checked; the root unless set."""
    server: str = EMBEDDED_SERVER
    """The major version of the server that proofs and the embedded database run on."""
    offline: bool = False
    """``ASSAY_OFFLINE``: prove from the offline cache alone, with no server."""
    server_idle_timeout: float = 900.0
    """Seconds without a connection after which the embedded server shuts down; 0 means never."""
    import_timeout: float = 60.0
    """Seconds that a module of the project may take to be imported by a check; 0 means for ever."""
    testing: SettingsForTests = SettingsForTests()
    models: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """``[tool.assay.models]`` as it is written; ``assay.schema.models.settings`` reads it."""
    backup: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """``[tool.assay.backup]`` as it is written; ``assay.ops.backup.settings`` reads it."""
    schema_lint_ignore: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """``[tool.assay.schema-lint-ignore]`` as it is written; ``assay.schema.advice.exceptions`` reads it."""


_KEYS = frozenset(
    {
        "backup",
        "database",
        "migrations",
        "models",
        "schema-lint-ignore",
        "seeds",
        "source",
        "server",
        "server-idle-timeout",
        "import-timeout",
        "testing",
    }
)


def load_settings(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of the project that ``start`` (the working folder unless given) lies in.

    Raises ConfigurationError for a file that cannot be read and for a setting that is unknown or of the wrong type.
    """
    start = (start or Path.cwd()).resolve()
    root, table = _project(start)
    values = environment(root, environ)
    url = values.get("DATABASE_URL", "").strip()
    return Settings(
        root=root,
        database_url=DatabaseUrl.parse(url) if url else None,
        database=_text(table, "database", default_database_name(root)),
        migrations=root / _text(table, "migrations", "migrations"),
        seeds=root / _text(table, "seeds", "seeds"),
        source=tuple(root / part for part in _texts(table, "source", ["."])),
        server=_text(table, "server", EMBEDDED_SERVER),
        offline=truth(values, "ASSAY_OFFLINE"),
        server_idle_timeout=_seconds(table, "server-idle-timeout", 900),
        import_timeout=_seconds(table, "import-timeout", 60),
        testing=_for_tests(table.get("testing", {})),
        models=_table(table, "models"),
        backup=_table(table, "backup"),
        schema_lint_ignore=_table(table, "schema-lint-ignore"),
    )


def environment(root: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment, with what it lacks filled from ``.env`` in the given folder.

    The file is not looked at where ``ASSAY_NO_DOTENV`` is true, which ``--no-dotenv`` sets.
    """
    path = (root or Path.cwd()) / ".env"
    process = os.environ if environ is None else environ
    if truth(process, NO_DOTENV) or not path.is_file():
        return dict(process)
    return {**read_dotenv(path), **process}


def truth(values: Mapping[str, str], name: str) -> bool:
    """A yes-or-no variable: 1, true, yes, on; 0, false, no, off and empty; anything else is an error."""
    value = values.get(name, "").strip().lower()
    if value in ("", "0", "false", "no", "off"):
        return False
    if value in ("1", "true", "yes", "on"):
        return True
    raise ConfigurationError(f"{name} is {values[name]!r}; it takes true or false")


_ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s#'"][^\n]*?|))\s*(?:(?:^|(?<=\s))\#.*)?""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_dotenv(path: Path) -> dict[str, str]:
    """Read ``NAME=value`` lines; quotes, ``export`` and ``#`` comments are understood, nothing is expanded.

    Raises ConfigurationError naming file and line, never the line's text, when a line is something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {_why(error)}") from None
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise ConfigurationError(f"{path}:{number}: this line is not NAME=value")
        if match["double"] is not None:
            value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match["double"])
        else:
            value = match["single"] if match["single"] is not None else match["bare"]
        values[match["name"]] = value
    return values


def default_database_name(root: Path) -> str:
    """A name for a project's database: its folder's name, and a few characters that tell same-named folders apart."""
    word = re.sub(r"[^a-z0-9]+", "_", root.name.lower()).strip("_")[:40] or "project"
    return f"{word}_{sha256(os.fsencode(root)).hexdigest()[:8]}"


def _project(start: Path) -> tuple[Path, dict[str, Any]]:
    nearest = None
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if not path.is_file():
            continue
        nearest = nearest or folder
        table = _tool_table(path)
        if table is not None:
            return folder, table
    return nearest or start, {}


def _tool_table(path: Path) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("assay")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {_why(error)}") from None
    if table is None:
        return None
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ConfigurationError(
            f"{path}: [tool.assay] has no setting {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}"
        )
    return dict(table)


def _text(table: Mapping[str, Any], name: str, default: str) -> str:
    value = table.get(name, default)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"[tool.assay] {name} must be a string that is not empty")
    return value


def _seconds(table: Mapping[str, Any], name: str, default: float) -> float:
    value = table.get(name, default)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ConfigurationError(f"[tool.assay] {name} must be a number of seconds, 0 or more")
    return float(value)


def _texts(table: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    value = table.get(name, default)
    if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
        raise ConfigurationError(f"[tool.assay] {name} must be a list of paths")
    return value


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"[tool.assay] {name} must be a table of settings")
    return value


def _for_tests(table: object) -> SettingsForTests:
    where, names = "[tool.assay.testing]", ("seed", "memory", "recycle", "keep-failed")
    if not isinstance(table, dict) or not set(table) <= set(names):
        raise ConfigurationError(f"{where} is a table of settings; there are {', '.join(names)}")
    for name in ("memory", "recycle"):
        if not isinstance(table.get(name, True), bool):
            raise ConfigurationError(f"{where} {name} must be true or false")
    kept = table.get("keep-failed", 10)
    if not isinstance(kept, int) or isinstance(kept, bool) or kept < 0:
        raise ConfigurationError(f"{where} keep-failed must be a number of databases, 0 or more")
    seed = seed_environments(table.get("seed", False), f"{where} seed")
    return SettingsForTests(seed, table.get("memory", True), table.get("recycle", True), kept)


def seed_environments(value: object, what: str) -> tuple[str, ...] | None:
    """The environments that ``"dev"``, ``["dev", "demo"]``, True (the common seeds alone) or False (none) names.

    Raises ConfigurationError, which begins with ``what``, for anything else.
    """
    if isinstance(value, bool):
        return () if value else None
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f"{what} must be the name of an environment, a list of them, true or false")
    return tuple(names)


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
