"""Beyond the criteria: registration, upload, listing and verification over HTTP."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from backends.realitycam.tests.conftest import options_for, serve

from assay.config import DatabaseUrl

PHOTO = b"\xff\xd8\xff\xe0 a photo"
EVIDENCE = {
    "software": "RealityCam 1.4",
    "assertion": {"status": "valid", "counter": 7},
    "depth": {"status": "pass", "variance": 2.5, "layers": 5, "edge_coherence": 0.9},
}
BLOCKED = "select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"


async def register(client: httpx.AsyncClient, key: str = "key-1", **more: Any) -> httpx.Response:
    body = {"attestation_key_id": key, "platform": "ios", "model": "iPhone 17 Pro", "has_lidar": True, **more}
    return await client.post("/devices", json=body)


async def device_id(client: httpx.AsyncClient, key: str = "key-1") -> str:
    identity: str = (await register(client, key)).json()["id"]
    return identity


async def upload(client: httpx.AsyncClient, device: str, photo: bytes = PHOTO, /, **fields: str) -> httpx.Response:
    form = {"device_id": device, "captured_at": "2025-11-22T10:00:00+01:00", **fields}
    return await client.post("/captures", data=form, files={"media": ("photo.jpg", photo, "image/jpeg")})


async def verify(client: httpx.AsyncClient, photo: bytes = PHOTO, /, **headers: str) -> httpx.Response:
    return await client.post("/verifications", files={"media": photo}, headers=headers)


async def test_a_device_is_registered_once_and_seen_again_in_one_statement(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    first, second = await register(client), await register(client)
    assert (first.status_code, second.status_code) == (201, 200)
    one, two = first.json(), second.json()
    assert one["attestation_level"] == "unverified"
    assert one["first_seen_at"] == one["last_seen_at"] == two["first_seen_at"] < two["last_seen_at"]
    assert one["id"] == two["id"]
    assert await catalog.fetchval("select count(*) from devices") == 1


async def test_a_device_seen_again_keeps_what_it_is_and_gains_a_missing_chain(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    await register(client)
    await register(client, model="another", platform="android", attestation_chain="MIIB")
    await register(client, attestation_chain="MIIC")
    row = await catalog.fetchrow("select platform, model, attestation_chain from devices")
    assert row is not None
    assert tuple(row) == ("ios", "iPhone 17 Pro", b"0\x82\x01")


async def test_twenty_registrations_of_one_key_at_once_make_one_device(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(*(register(client) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await catalog.fetchval("select count(*) from devices") == 1


async def test_a_capture_is_stored_with_its_hash_and_evidence(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    device = await device_id(client)
    answer = await upload(client, device, depth_map_key="depth/1.bin", evidence=json.dumps(EVIDENCE))
    assert answer.status_code == 201, answer.text
    capture = answer.json()
    assert capture["sha256"] == sha256(PHOTO).hexdigest()
    assert capture["evidence"] == EVIDENCE
    assert (capture["confidence_level"], capture["status"]) == ("low", "pending")
    assert capture["captured_at"] == "2025-11-22T09:00:00Z"
    row = await catalog.fetchrow("select device_id::text, target_media_hash, depth_map_key, evidence from captures")
    assert row is not None
    assert row["target_media_hash"] == sha256(PHOTO).digest()
    assert (row["device_id"], row["depth_map_key"]) == (device, "depth/1.bin")
    assert json.loads(row["evidence"]) == EVIDENCE


async def test_a_second_upload_of_the_same_bytes_answers_with_the_first_capture(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    first = await upload(client, await device_id(client, "one"))
    second = await upload(client, await device_id(client, "two"), depth_map_key="other", evidence='{"software": "x"}')
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert await catalog.fetchval("select count(*) from captures") == 1


async def test_twenty_uploads_of_the_same_bytes_at_once_store_one_capture(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    device = await device_id(client)
    answers = await asyncio.gather(*(upload(client, device) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await catalog.fetchval("select count(*) from captures") == 1


async def test_a_known_photo_is_verified_and_logged_with_the_client_s_address(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    capture = (await upload(client, await device_id(client), evidence=json.dumps(EVIDENCE))).json()
    answer = await verify(client, **{"User-Agent": "curl/8"})
    assert answer.status_code == 201
    found = answer.json()
    assert found["result"] == "matched"
    assert found["match"]["capture_id"] == capture["id"]
    assert (found["match"]["model"], found["match"]["evidence"]) == ("iPhone 17 Pro", EVIDENCE)
    row = await catalog.fetchrow(
        "select id::text, capture_id::text, action, host(client_ip), user_agent from verification_logs"
    )
    assert row is not None
    assert tuple(row) == (found["id"], capture["id"], "matched", "192.0.2.7", "curl/8")


async def test_an_unknown_photo_is_said_to_be_unknown_and_logged_all_the_same(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    await upload(client, await device_id(client))
    answer = await verify(client, PHOTO + b"\0")
    assert answer.status_code == 201
    assert (answer.json()["result"], answer.json()["match"]) == ("unknown", None)
    row = await catalog.fetchrow("select capture_id, action, host(client_ip) from verification_logs")
    assert row is not None
    assert tuple(row) == (None, "unknown", "192.0.2.7")


async def test_a_photo_whose_log_entry_fails_is_not_verified(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    """Both happen in one transaction: when the log is refused at commit, no answer says matched."""
    async with serve(options_for(migrated), raise_app_exceptions=False) as client:
        await upload(client, await device_id(client))
        await catalog.execute(
            """
            alter table verification_logs add constraint broken
            foreign key (id) references captures deferrable initially deferred
            """
        )
        assert (await verify(client)).status_code == 500
    assert await catalog.fetchval("select count(*) from verification_logs") == 0


async def test_a_device_s_captures_come_newest_first_page_by_page(client: httpx.AsyncClient) -> None:
    device, other = await device_id(client), await device_id(client, "other")
    await upload(client, other, b"not mine")
    # Two share a time, so that the order has to go on to the id.
    for number, hour in enumerate([9, 12, 10, 12, 11]):
        await upload(client, device, b"photo %d" % number, captured_at=f"2025-11-22T{hour:02}:00:00Z")
    seen: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    sizes = []
    while True:
        page = (await client.get(f"/devices/{device}/captures", params={"limit": "2", **before})).json()
        seen += page["captures"]
        sizes.append(len(page["captures"]))
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert sizes == [2, 2, 1]
    assert [capture["captured_at"][11:13] for capture in seen] == ["12", "12", "11", "10", "09"]
    keys = [(capture["captured_at"], capture["id"]) for capture in seen]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == 5


async def test_a_device_without_captures_has_an_empty_page(client: httpx.AsyncClient) -> None:
    page = await client.get(f"/devices/{await device_id(client)}/captures")
    assert (page.status_code, page.json()) == (200, {"captures": [], "next": None})


async def test_a_device_is_shown_without_its_key(client: httpx.AsyncClient) -> None:
    device = (await register(client, attestation_chain="MIIB")).json()
    answer = await client.get(f"/devices/{device['id']}")
    assert (answer.status_code, answer.json()) == (200, device)
    assert not {"attestation_key_id", "attestation_chain"} & set(device)


async def test_what_concerns_a_device_that_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    nobody = str(uuid4())
    answers = [
        await client.get(f"/devices/{nobody}"),
        await client.get(f"/devices/{nobody}/captures"),
        await upload(client, nobody),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["detail"] for answer in answers} == {f"there is no device {nobody}; register it first"}


async def test_a_device_deleted_during_an_upload_is_404(client: httpx.AsyncClient, catalog: asyncpg.Connection) -> None:
    """The device is there when the route looks, and gone when the capture is inserted."""
    device = await device_id(client)
    async with catalog.transaction():
        await catalog.execute("delete from devices")
        uploading = asyncio.create_task(upload(client, device))
        async with asyncio.timeout(10):
            while not await catalog.fetchval(BLOCKED):  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(0.01)
    assert (await uploading).status_code == 404


async def test_the_document_describes_every_route_and_answer(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    routes = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert routes == {
        ("post", "/devices"),
        ("get", "/devices/{device_id}"),
        ("get", "/devices/{device_id}/captures"),
        ("post", "/captures"),
        ("post", "/verifications"),
        ("get", "/health"),
    }
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                assert "$ref" in answer["content"]["application/json"]["schema"], operation["summary"]
