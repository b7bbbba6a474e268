"""The service: phones register and upload, anyone verifies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Query, Request, Response, UploadFile
from pydantic import Json

import assay
from assay.contrib.fastapi import PoolDependency as Pool
from assay.contrib.fastapi import health_router, lifespan

from . import failures
from .api import (
    CapturePage,
    CaptureTime,
    CaptureView,
    Cursor,
    DeviceView,
    MatchView,
    RegisterDevice,
    VerificationView,
)
from .database import find_database, open_pool
from .models import Capture, Evidence, Text
from .options import Options, load
from .queries import captures, devices, verification_logs
from .uploads import BodyLimit, media_hash

router = APIRouter(responses=failures.RESPONSES)


def create_app(options: Options | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``.

    Starting it opens the pool and applies the migrations that are pending; stopping it closes the pool.
    """
    options = options or load()
    opening = lifespan(lambda: _service_pool(options))
    app = FastAPI(title="RealityCam", summary="Photos with proof", version="0.1.0", lifespan=opening)
    app.add_middleware(BodyLimit, limit=options.max_upload_bytes)
    failures.install(app)
    app.include_router(router)
    app.include_router(health_router(timeout=options.health_timeout), responses=failures.RESPONSES)
    return app


@asynccontextmanager
async def _service_pool(options: Options) -> AsyncIterator[assay.Pool]:
    async with open_pool(await find_database(options), options) as pool:
        yield pool


def _cursor(before: Annotated[str | None, Query(description="The `next` of the page before")] = None) -> Cursor | None:
    try:
        return Cursor.parse(before) if before is not None else None
    except ValueError as error:
        failures.invalid(("query", "before"), str(error))


@router.post("/devices", status_code=201, responses={200: {"model": DeviceView, "description": "Seen again"}})
async def register_device(pool: Pool, response: Response, body: RegisterDevice) -> DeviceView:
    """Register a phone by its attestation key: 201 the first time, 200 when it is known and seen again."""
    device = await devices.register(
        pool,
        key_id=body.attestation_key_id,
        chain=body.attestation_chain,
        platform=body.platform,
        model=body.model,
        has_lidar=body.has_lidar,
    )
    response.status_code = 201 if device.created else 200
    return DeviceView.of(device)


@router.get("/devices/{device_id}", responses=failures.NOT_FOUND)
async def show_device(pool: Pool, device_id: UUID) -> DeviceView:
    """A phone."""
    device = await devices.by_id(pool, device_id)
    if device is None:
        raise _no_device(device_id)
    return DeviceView.of(device)


@router.post(
    "/captures",
    status_code=201,
    responses={200: {"model": CaptureView, "description": "Stored before"}, **failures.NOT_FOUND},
)
async def upload_capture(
    pool: Pool,
    response: Response,
    media: UploadFile,
    device_id: Annotated[UUID, Form()],
    captured_at: Annotated[CaptureTime, Form()],
    depth_map_key: Annotated[Text | None, Form()] = None,
    evidence: Annotated[Json[Evidence] | None, Form()] = None,
) -> CaptureView:
    """Store a photo once: 201 the first time, 200 with the first capture when these bytes are known."""
    digest = await _hash(media)
    if await devices.by_id(pool, device_id) is None:
        raise _no_device(device_id)
    try:
        capture, created = await captures.store(
            pool,
            device_id=device_id,
            media_hash=digest,
            depth_map_key=depth_map_key,
            evidence=evidence or Evidence(),
            captured_at=captured_at,
        )
    except assay.ForeignKeyViolation:
        # It was deleted since it was looked up.
        raise _no_device(device_id) from None
    response.status_code = 201 if created else 200
    return CaptureView.of(capture)


@router.get("/devices/{device_id}/captures", responses=failures.NOT_FOUND)
async def list_captures(
    pool: Pool,
    device_id: UUID,
    before: Annotated[Cursor | None, Depends(_cursor)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> CapturePage:
    """A phone's photos, the newest first, a page at a time."""
    if await devices.by_id(pool, device_id) is None:
        raise _no_device(device_id)
    return CapturePage.of(await _page(pool, device_id, before, limit + 1), limit)


@router.post("/verifications", status_code=201)
async def verify_photo(pool: Pool, request: Request, media: UploadFile) -> VerificationView:
    """Say whether a photo is known, byte for byte, and log that it was asked."""
    digest = await _hash(media)
    async with pool.transaction() as transaction:
        match = await captures.match(transaction, digest)
        log = await verification_logs.record(
            transaction,
            capture_id=match.capture_id if match else None,
            action="matched" if match else "unknown",
            client_ip=_client_address(request),
            user_agent=_user_agent(request),
        )
    return VerificationView(
        id=log.id,
        result="matched" if match else "unknown",
        sha256=digest.hex(),
        match=MatchView.of(match) if match else None,
        verified_at=log.created_at,
    )


async def _page(pool: assay.Pool, device_id: UUID, before: Cursor | None, size: int) -> list[Capture]:
    if before is None:
        return await captures.newest(pool, device_id, size)
    return await captures.older_than(pool, device_id, before.captured_at, before.id, size)


async def _hash(media: UploadFile) -> bytes:
    digest = await media_hash(media)
    if digest is None:
        failures.invalid(("body", "media"), "the file is empty")
    return digest


def _no_device(device_id: UUID) -> HTTPException:
    return HTTPException(404, f"there is no device {device_id}; register it first")


def _client_address(request: Request) -> IPv4Address | IPv6Address | None:
    """The client's address; None where there is none, as on a Unix socket."""
    host = request.client.host if request.client else ""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _user_agent(request: Request) -> str | None:
    agent = request.headers.get("user-agent")
    return agent.replace("\0", "")[:500] if agent else None
