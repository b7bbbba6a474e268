"""The service keeps to its own OpenAPI, whoever asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest
from backends.common.contract import keeps_its_contract
from backends.erc8004.app import create_app
from backends.erc8004.queries import users
from backends.erc8004.signing_in import Tokens
from backends.erc8004.tests.conftest import OPERATOR, options_for

import assay
from assay.config import DatabaseUrl


async def bearer(url: DatabaseUrl) -> dict[str, str]:
    async with assay.Pool(url, min_connections=0) as pool:
        user = await users.add(pool, username="dora", email="dora@example.org", password_hash="!")
    return {"Authorization": f"Bearer {Tokens(b'known', timedelta(hours=1)).make(user.id)}"}


@pytest.mark.parametrize("who", ["user", "operator"])
@pytest.mark.parametrize("examples", [2, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
async def test_no_request_is_answered_but_as_the_document_says(
    migrated: DatabaseUrl, who: Literal["user", "operator"], examples: int
) -> None:
    options = options_for(migrated, RATE_LIMIT=100_000, RATE_BURST=100_000, SESSION_KEY="known")
    headers = OPERATOR if who == "operator" else await bearer(migrated)
    assert keeps_its_contract(create_app(options), examples, headers) > examples
