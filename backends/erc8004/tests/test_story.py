"""The scripted visit of the demo."""

from __future__ import annotations

import httpx
import pytest
from backends.erc8004.story import story

import assay


@pytest.mark.parametrize("seeded", [pytest.param(True, marks=pytest.mark.assay_seed), False])
async def test_the_story_comes_out_as_it_is_told(client: httpx.AsyncClient, pool: assay.Pool, seeded: bool) -> None:
    exchanges = await story(client, pool)
    assert [one.status for one in exchanges] == [201, 401, 201, 201, 200, 200, 200]
