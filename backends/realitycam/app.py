"""The service: phones register and upload, anyone verifies."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, FastAPI, Form, HTTPException, Request, Response, UploadFile
from pydantic import Json

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ..common import failures
from ..common.options import Service
from ..common.pages import Before, Cursor, Limit
from ..common.service import make_app
from ..common.texts import Text
from .api import (
    CapturePage,
    CaptureTime,
    CaptureView,
    DeviceView,
    MatchView,
    RegisterDevice,
    VerificationView,
)
from .models import Capture, Evidence
from .options import load
from .queries import captures, devices, verification_logs
from .uploads import media_hash

router = APIRouter(responses=failures.RESPONSES)
NO_DEVICE = failures.also(404, "There is no such device")


def create_app(options: Service | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``."""
    app = make_app("RealityCam", "Photos with proof", options or load())
    app.include_router(router)
    return app


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


@router.get("/devices/{device_id}", responses=NO_DEVICE)
async def show_device(pool: Pool, device_id: UUID) -> DeviceView:
    """A phone."""
    device = await devices.by_id(pool, device_id)
    if device is None:
        raise _no_device(device_id)
    return DeviceView.of(device)


@router.post(
    "/captures",
    status_code=201,
    responses={200: {"model": CaptureView, "description": "Stored before"}, **NO_DEVICE},
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


@router.get("/devices/{device_id}/captures", responses=NO_DEVICE)
async def list_captures(
    pool: Pool,
    device_id: UUID,
    before: Before,
    limit: Limit = 20,
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


async def _page(pool: assay.Pool, device_id: UUID, before: Cursor[UUID] | None, size: int) -> list[Capture]:
    if before is None:
        return await captures.newest(pool, device_id, size)
    return await captures.older_than(pool, device_id, before.at, before.id, size)


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
