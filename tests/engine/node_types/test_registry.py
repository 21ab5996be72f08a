"""Node types by name, and describing them all (E-600 to E-604, E-741)."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from app.engine.errors import UnknownNodeError
from app.engine.node_types.registry import Registry
from app.engine.node_types.v3 import io


class Add:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"a": ("INT", {"default": 2}), "b": (["x", "y"],)}}

    RETURN_TYPES = ("INT",)
    CATEGORY = "math"


class Invert(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Invert",
            display_name="Invert Image",
            category="image",
            inputs=[io.Image.Input("image")],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image):
        return io.NodeOutput(image)


def failing(error: BaseException) -> type:
    def declare(cls):
        raise error

    return type("Failing", (), {"INPUT_TYPES": classmethod(declare), "RETURN_TYPES": ()})


class WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_e741_the_dictionaries_are_the_ones_given():
    classes: dict[str, type] = {}
    titles: dict[str, str] = {}
    registry = Registry(classes, titles)

    classes["Late"] = Add
    titles["Late"] = "Late Addition"

    assert registry.classes is classes
    assert registry.get("Late") is Add
    assert registry.object_info("Late")["Late"]["display_name"] == "Late Addition"


def test_e600_both_contracts_are_described():
    info = Registry({"Add": Add, "Invert": Invert}).object_info()

    assert list(info) == ["Add", "Invert"]
    assert info["Add"]["input"] == {"required": {"a": ["INT", {"default": 2}], "b": [["x", "y"]]}}
    assert info["Invert"]["display_name"] == "Invert Image"
    assert info["Invert"]["input"]["required"]["image"][0] == "IMAGE"
    assert info["Invert"]["deprecated"] is False
    json.dumps(info, allow_nan=False)


def test_e603_one_name_or_nothing_for_an_unknown_one():
    registry = Registry({"Add": Add, "Invert": Invert})

    assert list(registry.object_info("Add")) == ["Add"]
    assert registry.object_info("Nope") == {}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("no such folder"), "RuntimeError: no such folder"),
        (SystemExit(1), "SystemExit: 1"),
        (WordlessError(), "WordlessError"),
    ],
)
def test_e602_a_class_that_fails_is_left_out_logged_and_named(error, reason, caplog):
    registry = Registry({"Bad": failing(error), "Add": Add})

    with caplog.at_level(logging.WARNING, "easel.nodes"):
        info = registry.object_info()

    assert list(info) == ["Add"]
    assert registry.failures == {"Bad": reason}
    assert '"Bad"' in caplog.text


def test_e602_a_class_that_recovers_is_no_failure_any_more():
    registry = Registry({"Bad": failing(RuntimeError())})
    registry.object_info()

    registry.classes["Bad"] = Add

    assert list(registry.object_info()) == ["Bad"]
    assert registry.failures == {}


def test_e913_one_class_that_cannot_be_encoded_does_not_break_the_others():
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    declare = classmethod(lambda cls: {"required": {"x": ("ODD", loop)}})
    registry = Registry({"Loop": type("Loop", (Add,), {"INPUT_TYPES": declare}), "Add": Add})

    assert list(registry.object_info()) == ["Add"]


def test_definitions_are_what_the_window_needs():
    definitions = Registry({"Add": Add}, {"Add": "Add Up"}).definitions()

    add = definitions["Add"]
    assert (add.display_name, add.category) == ("Add Up", "math")
    assert [(item.name, item.type, item.default) for item in add.inputs] == [
        ("a", "INT", 2),
        ("b", "COMBO", "x"),
    ]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("invert", "Invert"), ("Inverted", "Invert"), ("ADD", "Add"), ("Completely else", None)],
)
def test_the_nearest_name_is_offered(wrong, right):
    assert Registry({"Add": Add, "Invert": Invert}).nearest(wrong) == right


def test_an_unknown_type_is_an_error_fit_for_an_artist():
    with pytest.raises(UnknownNodeError) as caught:
        Registry({"Invert": Invert}).get("Invrt")

    assert str(caught.value) == 'Node type "Invrt" is not installed. Did you mean "Invert"?'


def test_an_unknown_type_that_resembles_nothing_gets_no_advice():
    with pytest.raises(UnknownNodeError) as caught:
        Registry({"Invert": Invert}).get("Zzz")

    assert str(caught.value) == 'Node type "Zzz" is not installed.'
