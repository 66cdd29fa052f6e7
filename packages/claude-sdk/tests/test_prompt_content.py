from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    AudioInput,
    DocumentInput,
    ImageInput,
    InvalidRequestError,
    MentionInput,
    SkillInput,
    TextInput,
    UnsupportedOptionError,
)
from claude_sdk.prompt_content import user_content

PNG = b"\x89PNG\r\n\x1a\n"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def only(block: Any) -> dict[str, Any]:
    content = user_content([block])
    assert isinstance(content, list)
    (made,) = content
    return made


def file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_text_is_sent_as_it_is() -> None:
    assert user_content("  Hi\n@here /there ") == "  Hi\n@here /there "


def test_blocks_keep_their_order() -> None:
    assert user_content(
        [TextInput("one"), TextInput("two"), MentionInput("notes", "/w/notes.md"), SkillInput("tidy", "/s")]
    ) == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
        {"type": "text", "text": "@/w/notes.md"},
        {"type": "text", "text": "/tidy"},
    ]


def test_a_skill_with_text_alone_is_what_a_person_would_type() -> None:
    blocks = [TextInput("one"), SkillInput("tidy", "/s"), TextInput("two"), SkillInput("check", "/t")]
    assert user_content(blocks) == "/tidy /check one\ntwo"
    assert user_content([SkillInput("tidy", "/s")]) == "/tidy"


class TestImages:
    def test_an_address_is_passed_on(self) -> None:
        assert only(ImageInput(url="https://x/y.png")) == {
            "type": "image", "source": {"type": "url", "url": "https://x/y.png"}
        }  # fmt: skip

    def test_an_address_that_holds_its_data_is_taken_apart(self) -> None:
        url = f"data:image/png;base64,{encoded(PNG)}"
        assert only(ImageInput(url=url))["source"] == {
            "type": "base64", "media_type": "image/png", "data": encoded(PNG)
        }  # fmt: skip

    def test_what_only_looks_like_that_is_an_address(self) -> None:
        url = "http://x/data:;base64,a"
        assert only(ImageInput(url=url))["source"] == {"type": "url", "url": url}

    def test_a_file_is_read_and_its_kind_is_that_of_its_bytes(self, tmp_path: Path) -> None:
        for name in ("a.png", "a.jpg", "strange"):
            source = only(ImageInput(path=file(tmp_path, name, PNG), media_type="image/webp"))["source"]
            assert source == {"type": "base64", "media_type": "image/png", "data": encoded(PNG)}

    def test_bytes_are_encoded(self) -> None:
        assert only(ImageInput(data=PNG, media_type="image/png"))["source"]["data"] == encoded(PNG)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match=r"The prompt's image .*missing\.png is not a file") as caught:
            user_content([ImageInput(path=tmp_path / "missing.png")])
        assert caught.value.backend == "claude"

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        path = file(tmp_path, "a.png", PNG)
        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(InvalidRequestError, match=r"a\.png cannot be read: Permission denied"):
            user_content([ImageInput(path=path)])


class TestDocuments:
    def test_a_pdf_is_sent_as_one(self, tmp_path: Path) -> None:
        assert only(DocumentInput(path=file(tmp_path, "a.pdf", b"%PDF"))) == {
            "type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": encoded(b"%PDF")}
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.py"])
    def test_any_text_is_sent_as_plain_text(self, tmp_path: Path, name: str) -> None:
        assert only(DocumentInput(path=file(tmp_path, name, "Grüße".encode())))["source"] == {
            "type": "text", "media_type": "text/plain", "data": "Grüße"
        }  # fmt: skip

    def test_what_is_neither_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="this one, application/zip, is neither"):
            user_content([DocumentInput(data=b"PK\xff", media_type="application/zip")])

    def test_what_the_api_would_refuse_in_every_later_turn_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match=r"DocumentInput\(data=…\) is empty"):
            user_content([DocumentInput(data=b"", media_type="text/plain")])
        with pytest.raises(InvalidRequestError, match=r"a\.pdf is no PDF"):
            user_content([DocumentInput(path=file(tmp_path, "a.pdf", b"<html>"))])


def test_audio_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="no audio"):
        user_content([AudioInput(url="https://x/y.mp3")])
