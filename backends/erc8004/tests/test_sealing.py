"""Agents' tokens: encrypted at rest, and with a new key when it is time."""

from __future__ import annotations

import subprocess
import sys

import asyncpg
import pytest
from backends.erc8004.queries import agent_mcp_tokens
from backends.erc8004.sealing import Seal, SealError, renew_all
from backends.erc8004.tests.conftest import BACKEND
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

import assay
from assay.config import DatabaseUrl

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_token_is_read_as_it_was_written(token: str) -> None:
    seal = Seal.parse(OLD)
    assert seal.open(seal.close(token)) == token


async def test_the_database_never_has_the_token(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    assert await agent_mcp_tokens.put(pool, 7, Seal.parse(OLD).close("agent-secret"))
    assert not await agent_mcp_tokens.put(pool, 7, Seal.parse(OLD).close("agent-secret"))
    stored = await catalog.fetchval("select token from agent_mcp_tokens")
    assert "agent-secret" not in stored
    assert Seal.parse(OLD).open(stored) == "agent-secret"


async def test_tokens_are_encrypted_anew_with_the_first_key(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    for agent in range(3):
        await agent_mcp_tokens.put(pool, agent, Seal.parse(OLD).close(f"secret {agent}"))
    assert await renew_all(pool, Seal.parse(f"{NEW}, {OLD}")) == 3
    tokens = [row[0] for row in await catalog.fetch("select token from agent_mcp_tokens order by agent_id")]
    assert [Seal.parse(NEW).open(token) for token in tokens] == ["secret 0", "secret 1", "secret 2"]


async def test_one_token_that_fits_no_key_leaves_all_as_they_were(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await agent_mcp_tokens.put(pool, 1, Seal.parse(OLD).close("fits"))
    await agent_mcp_tokens.put(pool, 2, Seal.parse(Fernet.generate_key().decode()).close("does not"))
    before = await catalog.fetch("select agent_id, token from agent_mcp_tokens order by 1")
    with pytest.raises(SealError, match="a key that TOKEN_KEYS does not have"):
        await renew_all(pool, Seal.parse(f"{NEW},{OLD}"))
    assert await catalog.fetch("select agent_id, token from agent_mcp_tokens order by 1") == before


def test_without_keys_nothing_is_encrypted() -> None:
    with pytest.raises(SealError, match="TOKEN_KEYS is not set"):
        Seal.parse("").close("x")


def test_a_key_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(assay.ConfigurationError, match="key 2 is not 32 bytes") as caught:
        Seal.parse(f"{OLD},hunter2")
    assert "hunter2" not in str(caught.value)


def test_keys_are_not_in_what_is_logged() -> None:
    assert OLD not in repr(Seal.parse(OLD))


def run_keys(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "backends.erc8004.keys", command]
    root = BACKEND.parents[1]
    return subprocess.run(arguments, cwd=root, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_makes_a_key_that_can_be_used() -> None:
    done = run_keys("new")
    assert Seal.parse(done.stdout.strip()).open(Seal.parse(done.stdout.strip()).close("x")) == "x"


async def test_the_command_encrypts_anew(pool: assay.Pool, migrated: DatabaseUrl) -> None:
    await agent_mcp_tokens.put(pool, 1, Seal.parse(OLD).close("secret"))
    done = run_keys("renew", DATABASE_URL=migrated.reveal(), TOKEN_KEYS=f"{NEW},{OLD}")
    assert (done.returncode, done.stdout) == (0, "1 tokens encrypted anew\n"), done.stderr
    failed = run_keys("renew", DATABASE_URL=migrated.reveal(), TOKEN_KEYS=OLD)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "a key that TOKEN_KEYS does not have" in failed.stderr
