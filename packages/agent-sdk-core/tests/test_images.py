from __future__ import annotations

from pathlib import Path

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.images import held_image, image_type, inline_image


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n and more", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a and more", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert image_type(head, "It", backend="one") == kind


@pytest.mark.parametrize("head", [b"", b"text", b"BM\0\0", b"<svg/>", b"RIFF\0\0\0\0WAVE", b"\x89PNG", b"%PDF-1.7"])
def test_what_no_model_can_be_shown_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"^It is .*PNG, JPEG, GIF and WebP\.$") as caught:
        image_type(head, "It", backend="one")
    assert caught.value.backend == "one"


def test_an_image_in_its_url_is_read_and_an_address_is_left_alone() -> None:
    for url in ("data:image/png;base64,QUI=", "DATA:image/png;x=y;BASE64,QUI=", "data:;base64,QUI="):
        assert inline_image(url, backend="one") == b"AB"
    for url in ("https://example.org/a.png", "HTTP://x/y"):
        assert inline_image(url, backend="one") is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("file:///tmp/a.png", "begins with none of"),
        ("ftp://x/a.png", "begins with none of"),
        ("a.png", "begins with none of"),
        ("", "begins with none of"),
        ("http:a.png", "begins with none of"),
        ("data:image/png;base64", "holds it in base64"),
        ("data:image/png,hello", "holds it in base64"),
        ("data:image/png;base64,!!!", "is no base64"),
        ("data:image/png;base64,QUI", "is no base64"),
    ],
)
def test_a_url_that_holds_and_names_no_image_is_refused(url: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        inline_image(url, backend="one")


def test_an_image_is_read_from_wherever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"GIF89a")
    held = ("image/gif", b"GIF89a")
    assert held_image("data:image/png;base64,R0lGODlh", None, None, backend="one") == held
    assert held_image(None, file, None, backend="one") == held
    assert held_image(None, None, b"GIF89a", backend="one") == held
    assert held_image("https://example.org/a.png", None, None, backend="one") is None


def test_an_image_that_is_none_is_told_by_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    with pytest.raises(InvalidRequestError, match="is not a file"):
        held_image(None, file, None, backend="one")
    file.touch()
    with pytest.raises(InvalidRequestError, match=f"The prompt's image {file} is empty"):
        held_image(None, file, None, backend="one")
    with pytest.raises(InvalidRequestError, match="is empty"):
        held_image(None, None, None, backend="one")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InvalidRequestError, match=f"{file} cannot be read: Permission denied"):
        held_image(None, file, None, backend="one")
