"""The service keeps to its own OpenAPI."""

from __future__ import annotations

import pytest
from backends.common.contract import keeps_its_contract
from backends.realitycam.app import create_app
from backends.realitycam.tests.conftest import options_for

from assay.config import DatabaseUrl


@pytest.mark.parametrize("examples", [10, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_no_request_is_answered_but_as_the_document_says(migrated: DatabaseUrl, examples: int) -> None:
    app = create_app(options_for(migrated, RATE_LIMIT=100_000, RATE_BURST=100_000))
    assert keeps_its_contract(app, examples) > examples
