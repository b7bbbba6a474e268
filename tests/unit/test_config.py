"""Settings come from where they should, and passwords stay where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.config import (
    DatabaseUrl,
    default_database_name,
    environment,
    load_settings,
    read_dotenv,
    truth,
)
from assay.errors import ConfigurationError

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
printable = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)
hosts = st.one_of(
    st.sampled_from(["localhost", "db.example", "10.0.0.1", "::1", "2001:db8::5", "DB.Example", "xn--4ca.example"]),
    printable.map(lambda name: f"/{name}"),
)
names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1).filter(
    lambda name: name not in ("host", "port", "user", "password", "dbname")
)
urls = st.builds(
    DatabaseUrl,
    user=st.none() | texts,
    password=st.none() | texts,
    host=st.none() | hosts,
    port=st.none() | st.integers(1, 65535),
    database=st.none() | texts,
    options=st.dictionaries(names, st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)).map(
        lambda options: tuple(options.items())
    ),
)


@given(urls)
def test_every_url_is_read_back_from_what_it_reveals(url: DatabaseUrl) -> None:
    assert DatabaseUrl.parse(url.reveal()) == url


@given(urls, st.text(alphabet="pqrstuvwxyz!@:/#% ", min_size=6, max_size=12))
def test_password_is_in_no_text_of_the_url(url: DatabaseUrl, password: str) -> None:
    assume(password.strip() == password)
    secret = DatabaseUrl(url.user, password, url.host, url.port, url.database, url.options)
    plain = DatabaseUrl(url.user, "***", url.host, url.port, url.database, url.options)
    assert str(secret) == str(plain)
    assert repr(secret) == repr(plain)
    assert secret.place == plain.place
    assert f"{secret}" == f"{plain}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://", DatabaseUrl(None, None, None, None, None)),
        ("postgres://me:se%2Fcret@db.example:6432/app", DatabaseUrl("me", "se/cret", "db.example", 6432, "app")),
        ("postgresql://me@/app?host=/run/pg", DatabaseUrl("me", None, "/run/pg", None, "app")),
        ("postgresql://%2Frun%2FPG:5433/app", DatabaseUrl(None, None, "/run/PG", 5433, "app")),
        ("postgresql:///app?host=/run/pg&port=5433", DatabaseUrl(None, None, "/run/pg", 5433, "app")),
        ("postgresql://[::1]:5433/app", DatabaseUrl(None, None, "::1", 5433, "app")),
        ("postgresql:///?dbname=app&user=me&password=x", DatabaseUrl("me", "x", None, None, "app")),
        (
            "postgresql://h/app?sslmode=require&options=-c%20work_mem%3D1MB",
            DatabaseUrl(None, None, "h", None, "app", (("sslmode", "require"), ("options", "-c work_mem=1MB"))),
        ),
        (" postgresql://h/app \n", DatabaseUrl(None, None, "h", None, "app")),
        ("postgresql://me:a%23b%3Fc@h/app", DatabaseUrl("me", "a#b?c", "h", None, "app")),
    ],
)
def test_url_of_every_form_is_read(text: str, url: DatabaseUrl) -> None:
    assert DatabaseUrl.parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "mysql://me:hunter2@h/app", "host=h password=hunter2", "postgresql://me:hunter2@h:port/app",
        "postgresql://me:hunter2@h:99999/app", "postgresql://me:hun/ter2@h/app", "postgresql://me:hunter2@[::1/app",
        "postgresql://h/app?port=hunter2", "postgresql://h/app?port=0", "postgresql://me:hunter2@h:-5/app",
        "postgresql://me:hunter2@h1:1,h2:2/app", "postgresql://me:12#hunter2@h/app", "postgresql://me:12/hunter2@h/app",
        "postgresql://me:12?hunter2@h/app",
    ],
)  # fmt: skip
def test_url_that_is_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DatabaseUrl.parse(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("postgresql://me@h/app", 'database "app" at h:5432'),
        ("postgresql://me@h:5433", 'database "me" at h:5433'),
        ("postgresql:///app?host=/run/pg", 'database "app" at /run/pg'),
        ("postgresql:///app?host=/run/pg&port=5433", 'database "app" at /run/pg:5433'),
        ("postgresql://[::1]/app", 'database "app" at [::1]:5432'),
        ("postgresql://", 'database "postgres" at the default host:5432'),
    ],
)
def test_place_is_told_in_words(text: str, place: str) -> None:
    assert DatabaseUrl.parse(text).place == place


def test_other_database_of_the_same_server() -> None:
    url = DatabaseUrl.parse("postgresql://me:x@h:1/a?sslmode=require")
    assert url.with_database("b").reveal() == "postgresql://me:x@h:1/b?sslmode=require"


# --- .env and the environment


def dotenv(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text, encoding="utf-8")
    return path


def test_dotenv_of_every_form_is_read(tmp_path: Path) -> None:
    text = (
        "\ufeffA=1\n"
        "  export B = two words # a comment\n"
        "# C=not this\n"
        "\n"
        'D="quoted # not a comment\\n\\"x\\""  # this is\n'
        "E='single $A \\n'\n"
        "F=\n"
        "G=a#b\n"
        "H=postgresql://me:p%23w@h/app?x=y\r\n"
    )
    assert read_dotenv(dotenv(tmp_path, text)) == {
        "A": "1",
        "B": "two words",
        "D": 'quoted # not a comment\n"x"',
        "E": "single $A \\n",
        "F": "",
        "G": "a#b",
        "H": "postgresql://me:p%23w@h/app?x=y",
    }


@given(value=texts)
def test_any_value_can_be_quoted_in_dotenv(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    assume(not set(value) & set("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    assert read_dotenv(dotenv(tmp_path_factory.mktemp("env"), f'X="{escaped}"\n')) == {"X": value}


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "A B=hunter2", "A='hunter2", 'A="hunter2" hunter2'])
def test_line_that_is_no_assignment_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = dotenv(tmp_path, f"# first\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_dotenv(path)
    assert str(caught.value) == f"{path}:2: this line is not NAME=value"


def test_dotenv_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read"):
        read_dotenv(tmp_path / ".env")


def test_process_environment_comes_before_dotenv(tmp_path: Path) -> None:
    dotenv(tmp_path, "A=file\nB=file\n")
    assert environment(tmp_path, {"A": "process", "C": "process"}) == {"A": "process", "B": "file", "C": "process"}
    assert environment(tmp_path / "elsewhere", {"A": "process"}) == {"A": "process"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("on", True),
        ("0", False),
        ("", False),
        ("No", False),
        (" off ", False),
    ],
)
def test_yes_or_no(text: str, value: bool) -> None:
    assert truth({"X": text}, "X") is value
    assert truth({}, "X") is False


def test_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="X is 'maybe'; it takes true or false"):
        truth({"X": "maybe"}, "X")


# --- pyproject.toml


def project(folder: Path, table: str = "") -> Path:
    (folder / "pyproject.toml").write_text(f"[tool.assay]\n{table}", encoding="utf-8")
    return folder


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(project(tmp_path), {})
    assert settings.root == tmp_path
    assert settings.database_url is None
    assert settings.database == default_database_name(tmp_path)
    assert (settings.migrations, settings.seeds) == (tmp_path / "migrations", tmp_path / "seeds")
    assert settings.source == (tmp_path,)
    assert (settings.server, settings.offline, settings.server_idle_timeout) == ("18", False, 900.0)


def test_settings_are_read_from_the_project_around_the_working_folder(tmp_path: Path) -> None:
    project(tmp_path, 'migrations = "db/migrations"\nsource = ["src", "bin/tool.py"]\nserver = "15"\n')
    (tmp_path / "src" / "app").mkdir(parents=True)
    settings = load_settings(tmp_path / "src" / "app", {"ASSAY_OFFLINE": "true"})
    assert settings.root == tmp_path
    assert settings.migrations == tmp_path / "db" / "migrations"
    assert settings.source == (tmp_path / "src", tmp_path / "bin" / "tool.py")
    assert (settings.server, settings.offline) == ("15", True)


def test_project_with_a_table_is_preferred_to_a_nearer_one_without(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\n")
    assert load_settings(inner, {}).root == inner
    project(tmp_path)
    assert load_settings(inner, {}).root == tmp_path


def test_database_url_comes_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    dotenv(project(tmp_path), "DATABASE_URL=postgresql://me:hunter2@file/app\n")
    assert load_settings(tmp_path, {}).database_url == DatabaseUrl("me", "hunter2", "file", None, "app")
    assert "hunter2" not in repr(load_settings(tmp_path, {}))
    settings = load_settings(tmp_path, {"DATABASE_URL": "postgresql://process/app"})
    assert settings.database_url == DatabaseUrl(None, None, "process", None, "app")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("migration = 'x'", "has no setting 'migration'; there are backup, database, import-timeout, migrations"),
        ("migrations = 3", "migrations must be a string"),
        ("migrations = ''", "migrations must be a string that is not empty"),
        ("source = 'src'", "source must be a list of paths"),
        ("source = []", "source must be a list of paths"),
        ("server-idle-timeout = true", "server-idle-timeout must be a number of seconds"),
        ("server-idle-timeout = -1", "server-idle-timeout must be a number of seconds"),
        ("import-timeout = inf", "import-timeout must be a number of seconds"),
        ("import-timeout = '5'", "import-timeout must be a number of seconds"),
        ("not toml", "pyproject.toml cannot be read"),
    ],
)
def test_setting_that_cannot_be_used_is_refused(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_settings(project(tmp_path, table), {})


def test_same_named_folders_have_different_databases(tmp_path: Path) -> None:
    names = {default_database_name(tmp_path / part / "My App") for part in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("my_app_") and len(name) < 63 for name in names)
    assert default_database_name(Path("/")).startswith("project_")


def test_settings_with_tables_can_be_kept_by(tmp_path: Path) -> None:
    """What is built for some settings is kept by them."""
    (tmp_path / "pyproject.toml").write_text('[tool.assay.models]\n"a.b" = "c:D"\n')
    assert len({load_settings(tmp_path, {}), load_settings(tmp_path, {})}) == 1
