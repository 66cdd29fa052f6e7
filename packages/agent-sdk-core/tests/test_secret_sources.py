from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ValidationError

from agent_sdk_core import RuntimeConfig, Secret
from agent_sdk_core.errors import InvalidRequestError


class Holder(BaseModel):
    secret: Secret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("of the file\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """What a keyring holds that stands for the system's."""
    held: dict[tuple[str, str], str] = {}

    def get_password(service: str, user: str) -> str | None:
        return held.get((service, user))

    module = SimpleNamespace(get_password=get_password)
    monkeypatch.setitem(sys.modules, "keyring", module)
    return held


def test_the_environment_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_A_TEST", "of the environment")
    assert Secret.from_env("OF_A_TEST").reveal() == "of the environment"
    assert Holder.model_validate({"secret": {"env": "OF_A_TEST"}}).secret == Secret("of the environment")
    monkeypatch.setenv("OF_A_TEST", "")
    with pytest.raises(InvalidRequestError, match=r"OF_A_TEST .* is not set"):
        Secret.from_env("OF_A_TEST")


def test_a_file_is_a_source(file: Path) -> None:
    assert Secret.from_file(file).reveal() == "of the file"
    assert Holder.model_validate({"secret": {"file": str(file)}}).secret == Secret("of the file")
    file.write_text("two\r\nlines\r\n")
    assert Secret.from_file(str(file)).reveal() == "two\r\nlines"


def test_a_configuration_says_which_secret_is_not_to_be_had(tmp_path: Path) -> None:
    own = tmp_path / "config.toml"
    own.write_text('[store]\nurl = { env = "NOT_SET_ANYWHERE" }\n')
    with pytest.raises(InvalidRequestError, match=r"line 2: store\.url is not to be had: .* NOT_SET_ANYWHERE"):
        RuntimeConfig.load(user_file=own, env={})
    own.write_text('[store]\nurl = { env = "HOME" }\n')
    assert RuntimeConfig.load(user_file=own, env={}).store.url == Secret.from_env("HOME")


def test_a_byte_order_mark_is_no_part_of_a_secret(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfof the file\r\n")
    assert Secret.from_file(file).reveal() == "of the file"


@pytest.mark.parametrize(("value", "said"), [(" \n", "is empty"), ("a\udcff", "no text")])
def test_a_variable_without_a_text_is_refused(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_A_TEST", value)
    with pytest.raises(InvalidRequestError, match=said):
        Secret.from_env("OF_A_TEST")


def test_a_relative_place_counts_from_the_folder_of_the_file_that_names_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "config.toml"
    monkeypatch.chdir("/")
    for url in ("chats.db", "./chats.db", f"../{tmp_path.name}/chats.db"):
        own.write_text(f'[store]\nurl = "{url}"\n[backends.codex]\ntoken = {{ file = "{file.name}" }}\n')
        config = RuntimeConfig.load(user_file=own, env={})
        assert config.store.url is not None
        assert config.store.url.reveal() == str(tmp_path / "chats.db")
        assert config.backends["codex"].token == Secret("of the file")
    for url, whole in (
        ("sqlite:///a/chats.db?synchronous=full", f"sqlite:///{tmp_path}/a/chats.db?synchronous=full"),
        ("sqlite:////chats.db", "sqlite:////chats.db"),
        ("postgresql://me@host/chats", "postgresql://me@host/chats"),
        ("memory:", "memory:"),
    ):
        own.write_text(f'[store]\nurl = "{url}"\n')
        config = RuntimeConfig.load(user_file=own, env={})
        assert config.store.url is not None
        assert config.store.url.reveal() == whole


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_use_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(InvalidRequestError, match="chmod 600") as caught:
        Secret.from_file(file)
    assert "of the file" not in str(caught.value)


def test_what_is_no_file_with_a_text_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be read: No such file"):
        Secret.from_file(tmp_path / "absent")
    with pytest.raises(InvalidRequestError, match=r"is no file with a secret|cannot be read"):
        Secret.from_file(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InvalidRequestError, match="is no file with a secret"):
        Secret.from_file(tmp_path / "pipe")
    for content, said in (
        (b"\n", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff", "no text"),
        (b"a\0b", "no text"),
        (b"x" * 70_000, "too large"),
    ):
        file.write_bytes(content)
        with pytest.raises(InvalidRequestError, match=said):
            Secret.from_file(file)


def test_the_keyring_is_a_source(kept: dict[tuple[str, str], str]) -> None:
    kept["the/service", "me"] = "of the keyring"
    assert Secret.from_keyring("the/service", "me").reveal() == "of the keyring"
    assert Holder.model_validate({"secret": {"keyring": "the/service/me"}}).secret == Secret("of the keyring")
    with pytest.raises(InvalidRequestError, match="keyring set the/service you"):
        Secret.from_keyring("the/service", "you")


def test_a_keyring_that_is_not_there_or_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(service: str, user: str) -> str:
        raise RuntimeError("locked")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=fail))
    with pytest.raises(InvalidRequestError, match="cannot be asked: RuntimeError"):
        Secret.from_keyring("service", "me")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(InvalidRequestError, match="pip install keyring"):
        Secret.from_keyring("service", "me")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "A secret is a text, or a table"),
        ({"env": "A", "file": "b"}, "A secret is a text, or a table"),
        ({"vault": "a"}, "A secret is a text, or a table"),
        ({"env": 1}, "A secret is a text, or a table"),
        ({"keyring": "service"}, "SERVICE/USER"),
        ({"env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE"),
    ],
)
def test_a_table_that_names_no_secret_is_refused(table: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Holder.model_validate({"secret": table})
