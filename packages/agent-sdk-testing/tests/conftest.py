"""What the tests of the scripted model share."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel

Ask = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A running model whose unexpected requests are no failure."""
    with ScriptedModel() as running:
        yield running


@pytest.fixture
def ask(model: ScriptedModel) -> Iterator[Ask]:
    """Sends a request to the model and returns the response, whose body is not read yet."""
    connections: list[http.client.HTTPConnection] = []

    def send(body: Any = None, *, method: str = "POST", path: str = "/v1/responses") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(model.url.removeprefix("http://"), timeout=120)
        connections.append(connection)
        data = body if isinstance(body, bytes) else json.dumps({"model": "m", "input": "hi"} if body is None else body)
        connection.request(method, path, body=data)
        return connection.getresponse()

    yield send
    for connection in connections:
        connection.close()
