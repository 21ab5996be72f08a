"""Which outputs may feed which inputs (E-130 to E-133)."""

from __future__ import annotations

import enum

import pytest

from app.engine.node_types.compatibility import is_compatible


class Any(str):
    """The usual any-type trick of packs."""

    def __ne__(self, other: object) -> bool:
        return False


class Everything(str):
    """The same trick with ``==``, which must not matter."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Words(enum.StrEnum):
    INT = "INT"


@pytest.mark.parametrize(
    ("received", "wanted"),
    [
        ("IMAGE", "IMAGE"),
        ("IMAGE", "*"),
        ("*", "IMAGE"),
        ("INT", "FLOAT,INT"),
        ("FLOAT,INT", "INT"),
        ("INT , STRING", "MASK,  STRING"),
        ("IMAGE", "MASK,*"),
        ("COMFY_MATCHTYPE_V3", "IMAGE"),
        ("IMAGE", "COMFY_MATCHTYPE_V3"),
        (["a"], "COMBO"),
        (["a"], "*"),
        ("*", ["a"]),
        (["a"], "COMFY_MATCHTYPE_V3"),
        (["a", "b"], ["a", "b"]),
        (Words.INT, "INT"),
        ("FLOAT,INT", Words.INT),
        (Any("*"), "IMAGE"),
        ("IMAGE", Any("anything")),
        (["a"], Any("*")),
    ],
)
def test_e130_compatible(received, wanted):
    assert is_compatible(received, wanted)


@pytest.mark.parametrize(
    ("received", "wanted"),
    [
        ("IMAGE", "MASK"),
        ("INT", "FLOAT"),
        ("COMBO", "STRING"),
        ("STRING", "COMBO"),
        (["a"], ["b"]),
        (["a"], "STRING"),
        ("COMBO", ["a"]),
        ("STRING", ["a"]),
        (5, "INT"),
        ("INT", object()),
        ("INTEGER", "INT"),
        (Everything("IMAGE"), "MASK"),
    ],
)
def test_e130_e132_incompatible(received, wanted):
    assert not is_compatible(received, wanted)


def test_e131_the_received_type_stands_on_the_left():
    asked = []

    class Recording:
        def __init__(self, name: str) -> None:
            self.name = name

        def __ne__(self, other: object) -> bool:
            asked.append(self.name)
            return False

    assert is_compatible(Recording("received"), Recording("wanted"))
    assert asked == ["received"]


def test_e133_strictly_everything_given_must_be_wanted():
    assert is_compatible("INT", "FLOAT,INT", strict=True)
    assert not is_compatible("FLOAT,INT", "INT", strict=True)
