"""AC-7: the row classes fit their columns, come back with the right Python types, and serialise to JSON."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from backends.common.testing import run_assay
from backends.realitycam import models
from backends.realitycam.queries import captures, devices, verification_logs
from backends.realitycam.tests.conftest import BACKEND
from backends.realitycam.tests.test_command_line import QUERIES

import assay
from assay.config import DatabaseUrl

TABLES = {models.Device: "devices", models.Capture: "captures", models.VerificationLog: "verification_logs"}
TAKEN = datetime(2025, 11, 22, 10, 0, tzinfo=UTC)
EVIDENCE = models.Evidence(
    software="RealityCam 1.4",
    assertion=models.Assertion("valid", 7),
    depth=models.Depth("pass", variance=2.5, layers=5, edge_coherence=0.9),
)


async def a_device(pool: assay.Pool) -> models.Device:
    created = await devices.register(
        pool, key_id="k", chain=b"\x30\x82\xff", platform="ios", model="iPhone 17 Pro", has_lidar=True
    )
    device = await devices.by_id(pool, created.id)
    assert device is not None
    return device


async def a_capture(pool: assay.Pool, evidence: models.Evidence = EVIDENCE) -> models.Capture:
    device = await a_device(pool)
    capture, _ = await captures.store(
        pool, device_id=device.id, media_hash=b"\xff" * 32, depth_map_key=None, evidence=evidence, captured_at=TAKEN
    )
    return capture


def test_ac7_every_query_and_field_is_proven_to_fit(server: DatabaseUrl) -> None:
    done = run_assay(BACKEND, "check", "--strict", "--output-format", "json", "--database-url", server.reveal())
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"]) == (0, [])
    assert (report["proved"], len(report["queries"])) == (QUERIES, QUERIES)
    assert report["unverified"] == []


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row.__name__)
async def test_ac7_a_row_class_has_every_column_of_its_table(
    catalog: asyncpg.Connection, row: type[models.Device | models.Capture | models.VerificationLog]
) -> None:
    columns = await catalog.fetch(
        "select column_name from information_schema.columns where table_name = $1 order by ordinal_position",
        TABLES[row],
    )
    assert [field.name for field in dataclasses.fields(row)] == [column[0] for column in columns]


async def test_ac7_a_device_has_uuid_bytes_and_aware_times(pool: assay.Pool) -> None:
    device = await a_device(pool)
    assert isinstance(device.id, UUID)
    assert device.attestation_chain == b"\x30\x82\xff"
    assert device.attestation_level == "unverified"
    assert device.has_lidar is True
    assert device.first_seen_at.utcoffset() == timedelta(0)


async def test_ac7_a_capture_has_a_hash_and_typed_evidence(pool: assay.Pool) -> None:
    capture = await a_capture(pool)
    assert capture.target_media_hash == b"\xff" * 32
    assert capture.evidence == EVIDENCE
    assert capture.captured_at == TAKEN
    assert capture.uploaded_at.utcoffset() == timedelta(0)
    assert (await captures.by_media_hash(pool, b"\xff" * 32)) == capture


async def test_ac7_evidence_that_was_left_out_is_the_column_s_default(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    device = await a_device(pool)
    await catalog.execute(
        "insert into captures (device_id, target_media_hash, captured_at) values ($1, 'x', now())", device.id
    )
    (capture,) = await captures.newest(pool, device.id, 10)
    assert capture.evidence == models.Evidence()


async def test_ac7_evidence_written_by_a_newer_version_can_be_read(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    capture = await a_capture(pool)
    await catalog.execute("""update captures set evidence = evidence || '{"lens": {"focal": 24}}'""")
    again = await captures.by_media_hash(pool, capture.target_media_hash)
    assert again == capture


@pytest.mark.parametrize("address", [IPv4Address("192.0.2.7"), IPv6Address("2001:db8::7"), None])
async def test_ac7_a_verification_log_has_an_address(
    pool: assay.Pool, address: IPv4Address | IPv6Address | None
) -> None:
    log = await verification_logs.record(pool, capture_id=None, action="unknown", client_ip=address, user_agent=None)
    assert log.client_ip == address
    assert type(log.client_ip) is type(address)
    assert log.created_at.utcoffset() == timedelta(0)


async def test_ac7_rows_serialise_to_json(pool: assay.Pool) -> None:
    capture = await a_capture(pool)
    device = await a_device(pool)
    log = await verification_logs.record(
        pool, capture_id=capture.id, action="matched", client_ip=IPv6Address("2001:db8::7"), user_agent="curl"
    )
    match = await captures.match(pool, capture.target_media_hash)
    assert match is not None
    rows: list[models.Device | models.Capture | models.VerificationLog | models.Match] = [device, capture, log, match]
    decoded: list[dict[str, Any]] = [json.loads(models.to_json(row)) for row in rows]
    for row, value in zip(rows, decoded, strict=True):
        assert list(value) == [field.name for field in dataclasses.fields(row)]
    a_device_, a_capture_, a_log, a_match = decoded
    assert base64.b64decode(a_device_["attestation_chain"]) == b"\x30\x82\xff"
    assert datetime.fromisoformat(a_device_["first_seen_at"]) == device.first_seen_at
    assert a_capture_["evidence"] == dataclasses.asdict(EVIDENCE)
    assert a_capture_["captured_at"] == "2025-11-22T10:00:00Z"
    assert (a_log["client_ip"], a_log["capture_id"]) == ("2001:db8::7", str(capture.id))
    assert a_match["model"] == "iPhone 17 Pro"


async def test_a_capture_s_match_has_the_device_that_took_it(pool: assay.Pool) -> None:
    capture = await a_capture(pool)
    match = await captures.match(pool, capture.target_media_hash)
    assert match is not None
    assert (match.capture_id, match.platform, match.evidence) == (capture.id, "ios", EVIDENCE)
    assert await captures.match(pool, b"\0" * 32) is None
