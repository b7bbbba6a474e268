"""Statements on ``captures``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay

from ..models import Capture, Evidence, Match


async def add(
    db: assay.Executor,
    *,
    device_id: UUID,
    media_hash: bytes,
    depth_map_key: str | None,
    evidence: Evidence,
    captured_at: datetime,
) -> Capture | None:
    """Store a capture; None when these bytes are stored already.

    Raises:
        assay.ForeignKeyViolation: there is no such device.
    """
    return await db.fetch_optional(
        Capture,
        """
        insert into captures (device_id, target_media_hash, depth_map_key, evidence, captured_at)
        values (:device_id, :media_hash, :depth_map_key, :evidence, :captured_at)
        on conflict (target_media_hash) do nothing
        returning id, device_id, target_media_hash, depth_map_key, evidence, confidence_level, status,
                  captured_at, uploaded_at
        """,
        device_id=device_id,
        media_hash=media_hash,
        depth_map_key=depth_map_key,
        evidence=evidence,
        captured_at=captured_at,
    )


async def store(
    db: assay.Executor,
    *,
    device_id: UUID,
    media_hash: bytes,
    depth_map_key: str | None,
    evidence: Evidence,
    captured_at: datetime,
) -> tuple[Capture, bool]:
    """Store a capture once: the capture of these bytes, and whether it is this one.

    Raises:
        assay.ForeignKeyViolation: there is no such device.
    """
    while True:
        capture = await add(
            db,
            device_id=device_id,
            media_hash=media_hash,
            depth_map_key=depth_map_key,
            evidence=evidence,
            captured_at=captured_at,
        )
        if capture is not None:
            return capture, True
        first = await by_media_hash(db, media_hash)
        # Without a row, somebody deleted it in between: then there is room again.
        if first is not None:
            return first, False


async def by_media_hash(db: assay.Executor, media_hash: bytes) -> Capture | None:
    """The capture of these bytes, if they are known."""
    return await db.fetch_optional(
        Capture,
        """
        select id, device_id, target_media_hash, depth_map_key, evidence, confidence_level, status,
               captured_at, uploaded_at
        from captures
        where target_media_hash = $1
        """,
        media_hash,
    )


async def match(db: assay.Executor, media_hash: bytes) -> Match | None:
    """The capture of these bytes with the device that took it, if they are known."""
    return await db.fetch_optional(
        Match,
        """
        select c.id as capture_id, c.evidence, c.confidence_level, c.status, c.captured_at, c.uploaded_at,
               d.platform, d.model, d.has_lidar, d.attestation_level
        from captures c
        join devices d on d.id = c.device_id
        where c.target_media_hash = $1
        """,
        media_hash,
    )


async def newest(db: assay.Executor, device_id: UUID, limit: int) -> list[Capture]:
    """A device's captures, the newest first."""
    return await db.fetch_all(
        Capture,
        """
        select id, device_id, target_media_hash, depth_map_key, evidence, confidence_level, status,
               captured_at, uploaded_at
        from captures
        where device_id = $1
        order by captured_at desc, id desc
        limit $2
        """,
        device_id,
        limit,
    )


async def older_than(
    db: assay.Executor, device_id: UUID, captured_at: datetime, capture_id: UUID, limit: int
) -> list[Capture]:
    """The captures that follow the given one in the order of ``newest``."""
    return await db.fetch_all(
        Capture,
        """
        select id, device_id, target_media_hash, depth_map_key, evidence, confidence_level, status,
               captured_at, uploaded_at
        from captures
        where device_id = $1 and (captured_at, id) < ($2, $3)
        order by captured_at desc, id desc
        limit $4
        """,
        device_id,
        captured_at,
        capture_id,
        limit,
    )
