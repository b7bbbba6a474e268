"""A pool's limits come from arguments, then the environment, and are refused in plain sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import assay
from assay.config import DatabaseUrl
from assay.runtime.pool_options import PoolOptions, read_options, read_pgbouncer, read_url


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder without a .env, and an environment without a database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_defaults() -> None:
    assert read_options({}, {}) == PoolOptions()
    assert (PoolOptions().min_connections, PoolOptions().max_connections) == (2, 10)
    assert (PoolOptions().acquire_timeout, PoolOptions().idle_timeout, PoolOptions().max_lifetime) == (30, 600, 1800)


def test_environment_is_used_for_what_is_not_given() -> None:
    environ = {
        "DB_MIN_CONNECTIONS": "0", "DB_MAX_CONNECTIONS": "7", "DB_ACQUIRE_TIMEOUT": "1.5", "DB_IDLE_TIMEOUT": "2",
        "DB_MAX_LIFETIME": "0", "DB_CONNECT_TIMEOUT": " 3 ", "DB_PGBOUNCER": "yes", "DB_LEAK_AFTER": "4",
        "DB_SLOW_QUERY": "0.5",
    }  # fmt: skip
    assert read_options({}, environ) == PoolOptions(0, 7, 1.5, 2, 0, 3, "auto", True, 4, 0.5)
    assert read_options({"pgbouncer": False}, environ).pgbouncer is False
    assert read_options({"max_connections": 4, "min_connections": None}, environ).max_connections == 4
    assert read_options({"max_connections": 4, "min_connections": None}, environ).min_connections == 0


def test_dotenv_is_used_for_what_the_environment_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://h/app\nDB_MAX_CONNECTIONS=3\n")
    assert read_options({}).max_connections == 3
    assert read_url(None) == DatabaseUrl(None, None, "h", None, "app")
    monkeypatch.setenv("DB_MAX_CONNECTIONS", "5")
    assert read_options({}).max_connections == 5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_connections": 0}, "max_connections is 0; a pool needs at least 1"),
        ({"min_connections": 11}, "min_connections is 11; it must be from 0 to max_connections, which is 10"),
        ({"min_connections": -1}, "min_connections is -1; it must be from 0"),
        ({"max_connections": 1.5}, "max_connections is 1.5; it takes a whole number"),
        ({"max_connections": True}, "max_connections is True; it takes a whole number"),
        ({"max_connections": "5"}, "max_connections is '5'; it takes a whole number"),
        ({"acquire_timeout": 0}, "acquire_timeout is 0; it must be more than 0 seconds"),
        ({"acquire_timeout": float("nan")}, "acquire_timeout is nan; it must be more than 0 seconds"),
        ({"connect_timeout": -1}, "connect_timeout is -1; it must be more than 0 seconds"),
        ({"idle_timeout": -0.5}, "idle_timeout is -0.5; it must be 0 or more seconds"),
        ({"max_lifetime": "long"}, "max_lifetime is 'long'; it takes a number of seconds"),
        ({"reset": "never"}, "reset is 'never'; it takes 'auto' or 'always'"),
        ({"pgbouncer": 1}, "pgbouncer is 1; it takes True or False"),
        ({"pgbouncer": True, "reset": "always"}, "reset='always' cannot be kept with pgbouncer=True"),
        ({"leak_after": -1}, "leak_after is -1; it must be 0 or more seconds"),
        ({"slow_query": "1 s"}, "slow_query is '1 s'; it takes a number of seconds"),
    ],
)
def test_value_that_cannot_be_used_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(assay.ConfigurationError) as caught:
        read_options(given, {})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("DB_MAX_CONNECTIONS", "ten", "DB_MAX_CONNECTIONS is 'ten'; it takes a whole number"),
        ("DB_MAX_CONNECTIONS", "1.5", "DB_MAX_CONNECTIONS is '1.5'; it takes a whole number"),
        ("DB_PGBOUNCER", "perhaps", "DB_PGBOUNCER is 'perhaps'; it takes true or false"),
        ("DB_IDLE_TIMEOUT", "10 min", "DB_IDLE_TIMEOUT is '10 min'; it takes a number of seconds"),
    ],
)
def test_variable_that_cannot_be_used_is_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=words):
        read_options({}, {name: text})


def test_pool_without_a_database_says_what_to_do() -> None:
    with pytest.raises(assay.ConfigurationError, match="pass a URL or set DATABASE_URL; `assay db url` prints"):
        assay.Pool()


def test_pgbouncer_may_be_said_in_the_url() -> None:
    url = DatabaseUrl.parse("postgresql://h/app?sslmode=require&pgbouncer=true")
    assert read_pgbouncer(url) == (DatabaseUrl.parse("postgresql://h/app?sslmode=require"), True)
    assert read_pgbouncer(DatabaseUrl.parse("postgresql://h/app?pgbouncer=0"))[1] is False
    assert read_pgbouncer(DatabaseUrl.parse("postgresql://h/app"))[1] is None
    with pytest.raises(assay.ConfigurationError, match="pgbouncer is 'maybe'; it takes true or false"):
        read_pgbouncer(DatabaseUrl.parse("postgresql://h/app?pgbouncer=maybe"))


def test_url_may_be_text_or_a_value() -> None:
    url = DatabaseUrl(None, None, "h", None, "app")
    assert read_url(url) is url
    assert read_url("postgresql://h/app", {"DATABASE_URL": "postgresql://other/app"}) == url
    assert read_url(None, {"DATABASE_URL": "postgresql://h/app"}) == url
