"""A client of the whole api, on the fakes of `harness`."""

import pytest
from flask.testing import FlaskClient

from functions import api
from functions.http.router import Router
from tests.functions.api_harness import wire
from tests.functions.calling import FakeTokens, client_of
from tests.usecases.harness import Harness


@pytest.fixture
def client(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    wire(harness, monkeypatch)
    router = Router(api.ROUTES, FakeTokens(), [])
    monkeypatch.setattr(api, "_router", lambda: router)
    return client_of(api.api)
