"""How erc8004 is run: its settings, from the environment and from ``.env``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import assay

from ..common.options import Service, load_service, positive, variables
from .sealing import Seal

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set; ``.env.example`` names the variables."""

    service: Service
    session_key: bytes = field(repr=False)
    """Signs the tokens of users who signed in. Made anew at each start where none is set: then they end with it."""
    session_length: timedelta
    operator_token: str | None = field(repr=False)
    """Of whoever may add events and agents' tokens over HTTP; without it, nobody may."""
    seal: Seal
    """Encrypts agents' tokens."""
    telegram_url: str
    telegram_token: str | None = field(repr=False)
    """Of the bot that sends messages."""
    allow_private_targets: bool
    """Whether actions may go to addresses of private networks and of this machine."""
    action_timeout: float
    """Seconds that an action may take."""
    action_attempts: int
    """How often an action is tried before it is given up."""
    action_backoff: float
    """Seconds before the second attempt; the pause doubles from then on."""
    retention: timedelta
    """How long events are kept, by the time of their block."""
    chunks_ahead: timedelta
    """How far ahead chunks are created."""


def load(environ: Mapping[str, str] | None = None) -> Options:
    """Read the options; ``environ`` stands in for the process's environment.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    values = variables(HERE, environ)
    return Options(
        service=load_service(HERE, values, environ, max_body_bytes=8 << 20),
        session_key=(values.get("SESSION_KEY") or secrets.token_hex(32)).encode(),
        session_length=timedelta(hours=positive(values, "SESSION_HOURS", 12)),
        operator_token=values.get("OPERATOR_TOKEN") or None,
        seal=Seal.parse(values.get("TOKEN_KEYS", "")),
        telegram_url=(values.get("TELEGRAM_URL") or "https://api.telegram.org").rstrip("/"),
        telegram_token=values.get("TELEGRAM_BOT_TOKEN") or None,
        allow_private_targets=_truth(values, "ALLOW_PRIVATE_TARGETS"),
        action_timeout=positive(values, "ACTION_TIMEOUT", 10),
        action_attempts=int(positive(values, "ACTION_ATTEMPTS", 5)),
        action_backoff=positive(values, "ACTION_BACKOFF", 2),
        retention=timedelta(days=positive(values, "RETENTION_DAYS", 365)),
        chunks_ahead=timedelta(days=positive(values, "CHUNKS_AHEAD_DAYS", 28)),
    )


def _truth(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").strip().lower()
    if text not in ("", "true", "false"):
        raise assay.ConfigurationError(f"{name} is {text!r}; it takes true or false")
    return text == "true"
