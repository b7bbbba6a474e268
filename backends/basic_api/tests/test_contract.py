"""The service keeps to its own OpenAPI."""

from __future__ import annotations

import pytest
from backends.basic_api.app import create_app
from backends.basic_api.tests.conftest import options_for
from backends.common.contract import keeps_its_contract

from assay.config import DatabaseUrl


@pytest.mark.parametrize("examples", [15, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_no_request_is_answered_but_as_the_document_says(migrated: DatabaseUrl, examples: int) -> None:
    app = create_app(options_for(migrated, RATE_LIMIT=100_000, RATE_BURST=100_000))
    assert keeps_its_contract(app, examples) > examples
