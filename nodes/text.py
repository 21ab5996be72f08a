"""Work with text."""

from __future__ import annotations

import json
import logging
from typing import Any

from comfy_api.latest import io

_log = logging.getLogger("easel.nodes")


def multiline_text(name: str, tooltip: str) -> io.String.Input:
    """Return a text input of several lines."""
    return io.String.Input(name, multiline=True, tooltip=tooltip)


class StringConcatenate(io.ComfyNode):
    """Join two texts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two texts and what stands between them."""
        return io.Schema(
            node_id="StringConcatenate",
            display_name="Concatenate",
            category="utils/string",
            description="Joins two texts.",
            inputs=[
                multiline_text("string_a", "The first text."),
                multiline_text("string_b", "The second text."),
                io.String.Input(
                    "delimiter", multiline=False, default="", tooltip="What stands between them."
                ),
            ],
            outputs=[io.String.Output()],
            search_aliases=["join text", "append"],
        )

    @classmethod
    def execute(cls, string_a: str, string_b: str, delimiter: str) -> io.NodeOutput:
        """Return one text."""
        return io.NodeOutput(delimiter.join((string_a, string_b)))


class StringSubstring(io.ComfyNode):
    """Take a part of a text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text and a range."""
        return io.Schema(
            node_id="StringSubstring",
            display_name="Substring",
            category="utils/string",
            description="Takes a part of a text by character positions.",
            inputs=[
                multiline_text("string", "The text."),
                io.Int.Input("start", tooltip="First character, from 0; below 0 from the end."),
                io.Int.Input("end", tooltip="First character left out; below 0 from the end."),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, string: str, start: int, end: int) -> io.NodeOutput:
        """Return the part, which may be empty."""
        return io.NodeOutput(string[start:end])


class StringLength(io.ComfyNode):
    """Count characters."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text."""
        return io.Schema(
            node_id="StringLength",
            display_name="Length",
            category="utils/string",
            description="Counts the characters of a text.",
            inputs=[multiline_text("string", "The text.")],
            outputs=[io.Int.Output(display_name="length")],
        )

    @classmethod
    def execute(cls, string: str) -> io.NodeOutput:
        """Return the number."""
        return io.NodeOutput(len(string))


class CaseConverter(io.ComfyNode):
    """Change upper and lower case."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text and a case."""
        return io.Schema(
            node_id="CaseConverter",
            display_name="Case Converter",
            category="utils/string",
            description="Changes a text to upper or lower case.",
            inputs=[
                multiline_text("string", "The text."),
                io.Combo.Input(
                    "mode",
                    options=["UPPERCASE", "lowercase", "Capitalize", "Title Case"],
                    tooltip="Each choice is written in its own case.",
                ),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, string: str, mode: str) -> io.NodeOutput:
        """Return the changed text."""
        change = {
            "UPPERCASE": str.upper,
            "lowercase": str.lower,
            "Capitalize": str.capitalize,
            "Title Case": str.title,
        }[mode]
        return io.NodeOutput(change(string))


class StringTrim(io.ComfyNode):
    """Remove blanks at the ends."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text and its ends."""
        return io.Schema(
            node_id="StringTrim",
            display_name="Trim",
            category="utils/string",
            description="Removes blanks and empty lines at the ends of a text.",
            inputs=[
                multiline_text("string", "The text."),
                io.Combo.Input(
                    "mode", options=["Both", "Left", "Right"], tooltip="Which ends to clean."
                ),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, string: str, mode: str) -> io.NodeOutput:
        """Return the cleaned text."""
        trim = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}[mode]
        return io.NodeOutput(trim(string))


class StringReplace(io.ComfyNode):
    """Replace words."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text, what to find and what to put there."""
        return io.Schema(
            node_id="StringReplace",
            display_name="Replace",
            category="utils/string",
            description="Replaces every occurrence of a text by another.",
            inputs=[
                multiline_text("string", "The text to change."),
                multiline_text("find", "What to look for, letter by letter."),
                multiline_text("replace", "What to put there."),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, string: str, find: str, replace: str) -> io.NodeOutput:
        """Return the changed text."""
        return io.NodeOutput(string.replace(find, replace))


class StringContains(io.ComfyNode):
    """Look for a text in another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two texts."""
        return io.Schema(
            node_id="StringContains",
            display_name="Contains",
            category="utils/string",
            description="Tells whether a text occurs in another.",
            inputs=[
                multiline_text("string", "The text to search."),
                multiline_text("substring", "What to look for."),
                io.Boolean.Input(
                    "case_sensitive", default=True, tooltip="Treat A and a as different."
                ),
            ],
            outputs=[io.Boolean.Output(display_name="contains")],
        )

    @classmethod
    def execute(cls, string: str, substring: str, case_sensitive: bool) -> io.NodeOutput:
        """Return whether it was found."""
        if not case_sensitive:
            string, substring = string.lower(), substring.lower()
        return io.NodeOutput(substring in string)


class StringCompare(io.ComfyNode):
    """Compare two texts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two texts and a relation."""
        return io.Schema(
            node_id="StringCompare",
            display_name="Compare",
            category="utils/string",
            description="Tells whether a text equals, begins with or ends with another.",
            inputs=[
                multiline_text("string_a", "The text to test."),
                multiline_text("string_b", "What it is compared with."),
                io.Combo.Input(
                    "mode", options=["Starts With", "Ends With", "Equal"], tooltip="The relation."
                ),
                io.Boolean.Input(
                    "case_sensitive", default=True, tooltip="Treat A and a as different."
                ),
            ],
            outputs=[io.Boolean.Output()],
        )

    @classmethod
    def execute(
        cls, string_a: str, string_b: str, mode: str, case_sensitive: bool
    ) -> io.NodeOutput:
        """Return whether the relation holds."""
        if not case_sensitive:
            string_a, string_b = string_a.lower(), string_b.lower()
        if mode == "Starts With":
            return io.NodeOutput(string_a.startswith(string_b))
        if mode == "Ends With":
            return io.NodeOutput(string_a.endswith(string_b))
        return io.NodeOutput(string_a == string_b)


class JsonExtractString(io.ComfyNode):
    """Take one value out of JSON."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a JSON text and a key."""
        return io.Schema(
            node_id="JsonExtractString",
            display_name="JSON Extract String",
            category="utils/string",
            description="Takes the value of one key out of a JSON text.",
            inputs=[
                multiline_text("json_string", "The JSON text, such as a language model answers."),
                io.String.Input(
                    "key",
                    multiline=False,
                    default="",
                    tooltip="The key; dots reach deeper, numbers count list items: a.0.b",
                ),
            ],
            outputs=[io.String.Output()],
            search_aliases=["parse json", "get key"],
        )

    @classmethod
    def execute(cls, json_string: str, key: str) -> io.NodeOutput:
        """Return the value as text; empty when there is none or the text is not JSON."""
        try:
            value = json.loads(json_string)
        except (ValueError, RecursionError) as error:
            _log.warning("The text is not JSON: %s", error)
            return io.NodeOutput("")
        found = look_up(value, key)
        if found is None:
            return io.NodeOutput("")
        is_text = isinstance(found, str)
        return io.NodeOutput(found if is_text else json.dumps(found, ensure_ascii=False))


def look_up(value: Any, key: str) -> Any:
    """Return what lies under ``key`` in parsed JSON, or None.

    A key that is there as written wins; otherwise its dots are steps into objects and lists.
    """
    if isinstance(value, dict) and key in value:
        return value[key]
    for step in key.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


NODE_CLASS_MAPPINGS = {
    "StringConcatenate": StringConcatenate,
    "StringSubstring": StringSubstring,
    "StringLength": StringLength,
    "CaseConverter": CaseConverter,
    "StringTrim": StringTrim,
    "StringReplace": StringReplace,
    "StringContains": StringContains,
    "StringCompare": StringCompare,
    "JsonExtractString": JsonExtractString,
}
