"""Beyond the criteria: what is wrong with a request is said, and nothing a client sends makes the service fail."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from backends.realitycam.tests.conftest import options_for, serve
from backends.realitycam.tests.test_http import PHOTO, device_id, register, upload, verify

from assay.config import DatabaseUrl


def mistakes(answer: httpx.Response) -> list[tuple[list[str | int], str]]:
    return [(one["loc"], one["msg"]) for one in answer.json()["detail"]]


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("attestation_key_id", "a\0b", "characters that cannot be stored"),
        ("attestation_key_id", "\ud800", "valid string|characters that cannot be stored|unicode"),
        ("attestation_key_id", "", "at least 1 character"),
        ("attestation_key_id", "k" * 256, "at most 255 characters"),
        ("attestation_key_id", 7, "valid string"),
        ("attestation_key_id", None, "valid string"),
        ("model", "a\0b", "characters that cannot be stored"),
        ("platform", "windows", "'ios' or 'android'"),
        ("has_lidar", "perhaps", "valid boolean"),
        ("attestation_chain", "not base64!", "not base64"),
        ("attestation_chain", "\ud800", "not base64|valid string|unicode"),
        ("attestation_chain", 5, "not base64"),
        ("attestation_chain", "A" * (128 * 1024), "at most 65536"),
        ("admin", True, "Extra inputs"),
    ],
)
async def test_a_registration_that_is_not_valid_is_422_and_names_the_field(
    client: httpx.AsyncClient, field: str, value: Any, what: str
) -> None:
    body = json.dumps({"attestation_key_id": "k", "platform": "ios", "model": "m", field: value})
    answer = await client.post("/devices", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    (where, message) = mistakes(answer)[0]
    assert where == ["body", field]
    assert re.search(what, message), message


@pytest.mark.parametrize(
    "body",
    [b"", b"nope", b"[]", b"null", b'"text"', b"{", b"[" * 100_000, b'{"model": NaN}', b'{"\\ud800": 1}', b"\xff\xfe"],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ""])
async def test_a_body_that_is_not_a_registration_is_a_4xx(
    client: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    answer = await client.post("/devices", content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize(
    "evidence",
    [
        "nope",
        "[]",
        '"text"',
        '{"software": "a\\u0000b"}',
        '{"software": "\\ud800"}',
        '{"unknown": 1}',
        '{"assertion": {"status": "perhaps"}}',
        '{"assertion": {"status": "valid", "counter": -1}}',
        '{"assertion": {"status": "valid", "counter": 99999999999999999999999}}',
        '{"depth": {"status": "pass", "variance": NaN}}',
        '{"depth": {"status": "pass", "variance": 1e999}}',
        '{"depth": {"status": "pass", "layers": ' + "9" * 5000 + "}}",
        '{"depth": {}}',
        "[" * 50_000,
        '{"software": "' + "x" * 1000 + '"}',
    ],
)
async def test_evidence_that_is_not_valid_is_422_and_nothing_is_stored(
    client: httpx.AsyncClient, evidence: str
) -> None:
    device = await device_id(client, "bad-evidence")
    answer = await upload(client, device, evidence=evidence)
    assert answer.status_code == 422, answer.text
    assert mistakes(answer)[0][0][:2] == ["body", "evidence"]
    assert (await client.get(f"/devices/{device}/captures")).json()["captures"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device_id", "not-a-uuid"),
        ("captured_at", "yesterday"),
        ("captured_at", "2025-11-22T10:00:00"),
        ("captured_at", "0001-01-01T00:00:00+14:00"),
        ("captured_at", "9999-12-31T23:59:59-14:00"),
        ("captured_at", "infinity"),
        ("captured_at", "1e400"),
        ("depth_map_key", "a\0b"),
        ("depth_map_key", "x" * 256),
    ],
)
async def test_an_upload_field_that_is_not_valid_is_422_and_named(
    client: httpx.AsyncClient, field: str, value: str
) -> None:
    answer = await upload(client, await device_id(client), **{field: value})
    assert answer.status_code == 422, answer.text
    assert mistakes(answer)[0][0] == ["body", field]


@pytest.mark.parametrize("path", ["/captures", "/verifications"])
async def test_an_empty_file_is_422(client: httpx.AsyncClient, path: str) -> None:
    form = {"device_id": await device_id(client), "captured_at": "2025-11-22T10:00:00Z"}
    answer = await client.post(path, data=form, files={"media": b""})
    assert (answer.status_code, mistakes(answer)) == (422, [(["body", "media"], "the file is empty")])


@pytest.mark.parametrize("path", ["/captures", "/verifications"])
async def test_media_that_is_not_a_file_is_422(client: httpx.AsyncClient, path: str) -> None:
    answers = [
        await client.post(path, json={"media": "text"}),
        await client.post(path, data={"media": "text"}),
        await client.post(path, content=b"raw", headers={"Content-Type": "image/jpeg"}),
        await client.post(path),
    ]
    assert [answer.status_code for answer in answers] == [422] * 4
    assert (["body", "media"], "this must be a file") in mistakes(answers[1])
    assert all((["body", "media"]) in [where for where, _ in mistakes(answer)] for answer in answers)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"nonsense"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="media"; filename="x"\r\n\r\nhalf',
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n\xff\xfe: \xff\r\n\r\n\r\n--b--\r\n"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")  # Starlette's own
async def test_a_form_that_cannot_be_read_is_a_4xx(client: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    answer = await client.post("/verifications", content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (400, 422), answer.text


async def test_bytes_that_are_no_image_are_a_photo_like_any_other(client: httpx.AsyncClient) -> None:
    assert (await upload(client, await device_id(client), b"\0\0not an image")).status_code == 201
    assert (await verify(client, b"\0\0not an image")).json()["result"] == "matched"


async def test_a_request_that_announces_too_much_is_413_unread(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, MAX_BODY_BYTES=10_000)) as client:
        answer = await verify(client, b"x" * 10_000)
    assert (answer.status_code, answer.json()["detail"]) == (413, "a request may have 10000 bytes at most")


async def test_a_request_that_sends_more_than_it_may_is_413(migrated: DatabaseUrl) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="media"; filename="x"\r\n\r\n'
        for _ in range(1000):
            sent += 1000
            yield b"x" * 1000

    async with serve(options_for(migrated, MAX_BODY_BYTES=10_000)) as client:
        answer = await client.post(
            "/verifications", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
    assert answer.status_code == 413


async def test_a_request_as_large_as_it_may_be_is_read(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, MAX_BODY_BYTES=10_000)) as client:
        assert (await verify(client, b"x" * 9_000)).status_code == 201


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "many"),
        ("before", "nonsense"),
        ("before", "é"),
        ("before", "MjAyNS0xMS0yMg=="),
        ("before", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA="),
    ],
)
async def test_a_page_that_is_not_valid_is_422(client: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await client.get(f"/devices/{await device_id(client)}/captures", params={name: value})
    assert answer.status_code == 422, answer.text
    assert mistakes(answer)[0][0] == ["query", name]


async def test_a_user_agent_of_any_kind_is_logged_as_far_as_it_can_be(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    for agent in (b"a\0b", b"\xff\xfe", b"x" * 5000, b""):
        answer = await client.post("/verifications", files={"media": PHOTO}, headers={b"User-Agent": agent})
        assert answer.status_code == 201
    logged = [row[0] for row in await catalog.fetch("select user_agent from verification_logs order by created_at")]
    assert logged == ["ab", "ÿþ", "x" * 500, None]


async def test_text_with_quotes_and_semicolons_is_only_text(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    key = "'; drop table captures; -- $1 :key %s {0} \\ \" 🙂"
    assert (await register(client, key)).status_code == 201
    assert await catalog.fetchval("select attestation_key_id from devices") == key
