"""Line 5: API keys; and signing in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
from backends.common.keys import Secret, hash_of, make_key
from backends.sentinel import keys
from backends.sentinel.queries import api_keys, users
from backends.sentinel.tests.conftest import made, options_for, serve, session
from cryptography.hazmat.primitives.asymmetric import rsa

import assay
from assay.config import DatabaseUrl


async def test_line_5_a_key_is_shown_once_and_kept_as_its_hash_and_first_8_characters(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    new = await made(client, "/api-keys", {"name": "ci"})
    assert re.fullmatch(r"sk_[\w-]{43}", new["key"])
    assert new["key_prefix"] == new["key"][:8]
    row = await catalog.fetchrow("select * from api_keys")
    assert row is not None
    assert (row["key_hash"], row["key_prefix"]) == (hash_of(new["key"]), new["key"][:8])
    assert new["key"] not in str(dict(row))
    shown = [await client.get(path) for path in ("/api-keys", f"/api-keys/{new['id']}")]
    assert all(new["key"][8:] not in answer.text and "hash" not in answer.text for answer in shown)


def test_line_5_keys_are_all_different_and_not_in_their_repr() -> None:
    made = {make_key().text for _ in range(1000)}
    assert len(made) == 1000
    assert repr(Secret("sk_abcdefgh")) == "Secret(sk_abcde…)"


async def test_line_5_a_key_lets_its_user_in_and_is_stamped(client: httpx.AsyncClient) -> None:
    new = await made(client, "/api-keys", {"name": "ci"})
    me = (await client.get("/me")).json()
    del client.headers["Authorization"]
    by_key = {"X-API-Key": new["key"]}
    assert new["last_used_at"] is None
    assert (await client.get("/me", headers=by_key)).json() == me
    assert (await client.get(f"/api-keys/{new['id']}", headers=by_key)).json()["last_used_at"] is not None


@pytest.mark.parametrize("key", ["", "sk_", "sk_" + "x" * 43, "ü"])
async def test_line_5_an_unknown_key_is_refused(visitor: httpx.AsyncClient, key: str) -> None:
    answer = await visitor.get("/me", headers=[(b"X-API-Key", key.encode())])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_line_5_an_expired_key_is_refused_and_not_stamped(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    new = await made(client, "/api-keys", {"name": "ci", "expires_at": soon})
    by_key = {"X-API-Key": new["key"]}
    assert (await client.get("/me", headers=by_key)).status_code == 200
    await catalog.execute("update api_keys set expires_at = now(), last_used_at = null")
    refused = await client.get("/me", headers=by_key)
    assert (refused.status_code, refused.json()) == (401, {"detail": "the API key is unknown or has expired"})
    assert await catalog.fetchval("select last_used_at from api_keys") is None


async def test_line_5_a_key_that_expires_in_the_past_is_not_made(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api-keys", json={"name": "ci", "expires_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["detail"][0]["msg"]) == (422, "a key expires in the future")


async def test_line_5_a_removed_key_lets_nobody_in(client: httpx.AsyncClient) -> None:
    new = await made(client, "/api-keys", {"name": "ci"})
    assert (await client.patch(f"/api-keys/{new['id']}", json={"name": "old"})).json()["name"] == "old"
    assert (await client.delete(f"/api-keys/{new['id']}")).status_code == 204
    assert (await client.get("/me", headers={"X-API-Key": new["key"]})).status_code == 401


async def test_line_5_known_unknown_and_expired_keys_take_the_same_way(
    assay_db: assay.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constant time is not measured: that the same is done is."""
    user = await users.sign_in(assay_db, clerk_id="ada", email="a@b.c", name=None)
    past = datetime.now(UTC) - timedelta(days=1)
    texts = []
    for expires_at in (None, past):
        key = make_key()
        texts.append(key.text)
        await api_keys.add(
            assay_db, user_id=user.id, name="a", key_hash=key.hash, key_prefix=key.prefix, expires_at=expires_at
        )
    compared: list[int] = []

    def compare(one: str, two: str) -> bool:
        compared.append(len(one) + len(two))
        return one == two

    monkeypatch.setattr(keys, "compare_digest", compare)
    told = [await keys.user_of(assay_db, text) for text in (*texts, "sk_unknown")]
    assert told == [user.id, None, None]
    assert compared == [128] * 3


async def test_line_5_a_key_is_found_by_the_index_of_its_hash(catalog: asyncpg.Connection) -> None:
    await catalog.execute("insert into users (clerk_id, email) values ('a', 'b')")
    await catalog.execute("""
        insert into api_keys (user_id, name, key_hash, key_prefix)
        select id, 'a', md5(n::text), 'sk' from users, generate_series(1, 10000) n
    """)
    await catalog.execute("analyze api_keys")
    plan = await catalog.fetch("explain select user_id from api_keys where key_hash = md5('7')")
    assert "Index Scan using idx_api_keys_hash" in plan[0][0]


async def test_somebody_who_has_not_signed_in_is_401(visitor: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/me"), ("POST", "/projects"), ("GET", "/api-keys")):
        answer = await visitor.request(method, path, json={"name": "x"} if method == "POST" else None)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"iss": "https://somebody.example"}, "issuer"),
        ({"sub": "x" * 256}, "too long"),
        ({"email": "\0"}, "not a text"),
        ({"exp": None}, "not valid"),
    ],
)
async def test_a_session_that_is_not_valid_is_refused(
    visitor: httpx.AsyncClient, claims: dict[str, Any], why: str
) -> None:
    answer = await visitor.get("/me", headers=session(**claims))
    assert answer.status_code == 401
    assert why in answer.json()["detail"].lower()


async def test_a_session_of_another_key_or_of_none_is_refused(visitor: httpx.AsyncClient) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"sub": "ada", "exp": 2**31}
    for token in (
        jwt.encode(claims, other, algorithm="RS256"),
        jwt.encode(claims, "", algorithm="none"),
        "no.token.at-all",
    ):
        assert (await visitor.get("/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401


async def test_without_clerk_s_key_only_api_keys_sign_in(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, CLERK_JWT_KEY="")) as client:
        answer = await client.get("/me", headers=session())
    assert (answer.status_code, answer.json()) == (401, {"detail": "this service takes API keys only"})


async def test_signing_in_again_follows_what_clerk_says(client: httpx.AsyncClient) -> None:
    first = (await client.get("/me", headers=session("ada", name="Ada"))).json()
    same = (await client.get("/me", headers=session("ada", name="Ada"))).json()
    moved = (await client.get("/me", headers=session("ada", name="Ada", email="new@example.com"))).json()
    assert same == first
    assert (moved["id"], moved["email"]) == (first["id"], "new@example.com")
    assert moved["updated_at"] > first["updated_at"]
