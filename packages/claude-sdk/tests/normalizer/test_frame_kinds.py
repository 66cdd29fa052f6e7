from __future__ import annotations

import pytest

from claude_sdk.normalizer.frame_kinds import KNOWN_FRAMES, frame_kind


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ({"type": "assistant", "subtype": "odd"}, "assistant"),
        ({"type": "system", "subtype": "init"}, "system/init"),
        ({"type": "system"}, "system/None"),
        ({"type": []}, "[]"),
        ({}, "None"),
    ],
)
def test_a_frame_is_of_the_kind_that_it_says(frame: dict[str, object], kind: str) -> None:
    assert frame_kind(frame) == kind


def test_control_frames_are_none_of_them() -> None:
    assert not [kind for kind in KNOWN_FRAMES if kind.startswith("control_")]


@pytest.mark.parametrize("kind", sorted(KNOWN_FRAMES))
def test_each_kind_is_the_one_of_a_frame(kind: str) -> None:
    name, slash, subtype = kind.partition("/")
    assert frame_kind({"type": name, **({"subtype": subtype} if slash else {})}) == kind
