"""What goes in and out of RealityCam over HTTP."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from annotated_types import MaxLen
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from ..common.pages import Cursor, last_of_page
from ..common.texts import Text
from .models import Action, Capture, Device, Evidence, Match

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)
"""How far ahead a phone's clock may be."""


def _bytes_of_base64(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError("this is not base64") from None


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= datetime.now(UTC) + CLOCK_SKEW:
        raise ValueError("a photo is taken after the year 2000, and not in the future")
    return moment


Chain: TypeAlias = Annotated[bytes, MaxLen(64 * 1024), BeforeValidator(_bytes_of_base64, json_schema_input_type=str)]
"""A certificate chain in base64, at most 64 KiB."""

CaptureTime: TypeAlias = Annotated[AwareDatetime, AfterValidator(_plausible)]


class RegisterDevice(BaseModel):
    """A phone that introduces itself."""

    model_config = ConfigDict(extra="forbid")

    attestation_key_id: Text
    attestation_chain: Chain | None = None
    platform: Literal["ios", "android"]
    model: Text
    has_lidar: bool = False


class DeviceView(BaseModel):
    """A phone, without its key."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    attestation_level: str
    platform: str
    model: str
    has_lidar: bool
    first_seen_at: datetime
    last_seen_at: datetime

    @classmethod
    def of(cls, device: Device) -> DeviceView:
        """The view of a row."""
        return cls.model_validate(device)


class CaptureView(BaseModel):
    """A photo that is stored."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    device_id: UUID
    sha256: str
    """Of the photo's bytes, in hexadecimal."""
    depth_map_key: str | None
    evidence: Evidence
    confidence_level: str
    status: str
    captured_at: datetime
    uploaded_at: datetime

    @classmethod
    def of(cls, capture: Capture) -> CaptureView:
        """The view of a row."""
        return cls(
            id=capture.id,
            device_id=capture.device_id,
            sha256=capture.target_media_hash.hex(),
            depth_map_key=capture.depth_map_key,
            evidence=capture.evidence,
            confidence_level=capture.confidence_level,
            status=capture.status,
            captured_at=capture.captured_at,
            uploaded_at=capture.uploaded_at,
        )


class CapturePage(BaseModel):
    """Captures, the newest first."""

    captures: list[CaptureView]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, captures: list[Capture], size: int) -> CapturePage:
        """A page from one capture more than it holds, which tells whether there is another page."""
        last = last_of_page(captures, size)
        shown = [CaptureView.of(capture) for capture in captures[:size]]
        return cls(captures=shown, next=str(Cursor(last.captured_at, last.id)) if last else None)


class MatchView(BaseModel):
    """What is known of a photo and of the phone that took it."""

    model_config = ConfigDict(from_attributes=True)

    capture_id: UUID
    evidence: Evidence
    confidence_level: str
    status: str
    captured_at: datetime
    uploaded_at: datetime
    platform: str
    model: str
    has_lidar: bool
    attestation_level: str

    @classmethod
    def of(cls, match: Match) -> MatchView:
        """The view of a row."""
        return cls.model_validate(match)


class VerificationView(BaseModel):
    """Whether a photo is known."""

    id: UUID
    """Of the log entry."""
    result: Action
    sha256: str
    match: MatchView | None
    verified_at: datetime
