"""The service keeps to its own OpenAPI."""

from __future__ import annotations

import pytest
from backends.common.contract import keeps_its_contract
from backends.sentinel.app import create_app
from backends.sentinel.tests.conftest import options_for, session

from assay.config import DatabaseUrl


@pytest.mark.parametrize("examples", [8, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_no_request_is_answered_but_as_the_document_says(migrated: DatabaseUrl, examples: int) -> None:
    app = create_app(options_for(migrated))
    assert keeps_its_contract(app, examples, session("ada", exp=2**31)) > examples
