from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.client_names import require_client
from agent_sdk_core.errors import InvalidRequestError


def test_a_name_and_a_version_that_can_stand_in_a_header_are_taken() -> None:
    require_client("codex", client_name="my-app", client_version="1.2.3+local")
    require_client("codex", client_name=None, client_version=None)


@pytest.mark.parametrize("name", ["", "my app", "a/b", "é", "-a", "a" * 65, 5])
def test_another_one_is_refused_by_its_argument(name: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^client_name=") as caught:
        require_client("codex", client_name=name, client_version=None)
    assert (caught.value.backend, caught.value.details) == ("codex", {"option": "client_name"})


def test_a_version_alone_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="client_version needs client_name"):
        require_client("codex", client_name=None, client_version="1")
