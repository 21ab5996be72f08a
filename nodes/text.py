"""Work with text."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from comfy_api.latest import io

_log = logging.getLogger("easel.nodes")


def _text(name: str, tooltip: str) -> io.String.Input:
    return io.String.Input(name, multiline=True, tooltip=tooltip)


def _case_insensitive(**options: Any) -> io.Boolean.Input:
    return io.Boolean.Input(
        "case_insensitive", default=True, tooltip="Treat A and a as equal.", **options
    )


def _multiline(**options: Any) -> io.Boolean.Input:
    return io.Boolean.Input(
        "multiline", default=False, tooltip="Let ^ and $ match at every line.", **options
    )


def _dotall(**options: Any) -> io.Boolean.Input:
    return io.Boolean.Input(
        "dotall", default=False, tooltip="Let . match the end of a line too.", **options
    )


def _flags(case_insensitive: bool, multiline: bool, dotall: bool) -> re.RegexFlag:
    flags = re.NOFLAG
    if case_insensitive:
        flags |= re.IGNORECASE
    if multiline:
        flags |= re.MULTILINE
    if dotall:
        flags |= re.DOTALL
    return flags


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
                _text("string_a", "The first text."),
                _text("string_b", "The second text."),
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
                _text("string", "The text."),
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
            inputs=[_text("string", "The text.")],
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
                _text("string", "The text."),
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
                _text("string", "The text."),
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
                _text("string", "The text to change."),
                _text("find", "What to look for, letter by letter."),
                _text("replace", "What to put there."),
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
                _text("string", "The text to search."),
                _text("substring", "What to look for."),
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
                _text("string_a", "The text to test."),
                _text("string_b", "What it is compared with."),
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


class RegexMatch(io.ComfyNode):
    """Search with a pattern."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text and a pattern."""
        return io.Schema(
            node_id="RegexMatch",
            display_name="Regex Match",
            category="utils/string",
            description="Tells whether a regular expression matches somewhere in a text.",
            inputs=[
                _text("string", "The text to search."),
                _text("regex_pattern", "The regular expression."),
                _case_insensitive(),
                _multiline(),
                _dotall(),
            ],
            outputs=[io.Boolean.Output(display_name="matches")],
        )

    @classmethod
    def execute(
        cls,
        string: str,
        regex_pattern: str,
        case_insensitive: bool,
        multiline: bool,
        dotall: bool,
    ) -> io.NodeOutput:
        """Return whether it matches; a pattern that is not valid never does (rule D-256)."""
        try:
            found = re.search(regex_pattern, string, _flags(case_insensitive, multiline, dotall))
        except re.error as error:
            _log.warning('"%s" is not a valid regular expression: %s', regex_pattern, error)
            return io.NodeOutput(False)
        return io.NodeOutput(found is not None)


class RegexExtract(io.ComfyNode):
    """Take what a pattern matches."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text, a pattern and what to take."""
        return io.Schema(
            node_id="RegexExtract",
            display_name="Regex Extract",
            category="utils/string",
            description="Takes out of a text what a regular expression matches.",
            inputs=[
                _text("string", "The text to search."),
                _text("regex_pattern", "The regular expression; brackets make groups."),
                io.Combo.Input(
                    "mode",
                    options=["First Match", "All Matches", "First Group", "All Groups"],
                    tooltip="What to take; several results stand on lines of their own.",
                ),
                _case_insensitive(),
                _multiline(),
                _dotall(),
                io.Int.Input(
                    "group_index",
                    default=1,
                    min=0,
                    max=100,
                    tooltip="Which group to take; 0 is the whole match.",
                ),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(
        cls,
        string: str,
        regex_pattern: str,
        mode: str,
        case_insensitive: bool,
        multiline: bool,
        dotall: bool,
        group_index: int,
    ) -> io.NodeOutput:
        """Return the matches; empty without one or with a bad pattern (rule D-256)."""
        try:
            pattern = re.compile(regex_pattern, _flags(case_insensitive, multiline, dotall))
        except re.error as error:
            _log.warning('"%s" is not a valid regular expression: %s', regex_pattern, error)
            return io.NodeOutput("")
        matches = list(pattern.finditer(string))
        if mode.startswith("First"):
            matches = matches[:1]
        if mode == "First Match":
            groups = [0]
        elif mode == "All Matches":
            groups = [1 if pattern.groups else 0]
        else:
            groups = [group_index] if group_index <= pattern.groups else []
        found = [match.group(group) or "" for match in matches for group in groups]
        return io.NodeOutput("\n".join(found))


class RegexReplace(io.ComfyNode):
    """Replace what a pattern matches."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text, a pattern and what to put there."""
        return io.Schema(
            node_id="RegexReplace",
            display_name="Regex Replace",
            category="utils/string",
            description="Replaces what a regular expression matches.",
            inputs=[
                _text("string", "The text to change."),
                _text("regex_pattern", "The regular expression."),
                _text("replace", "What to put there; \\1 stands for the first group."),
                _case_insensitive(optional=True),
                _multiline(optional=True),
                _dotall(optional=True),
                io.Int.Input(
                    "count",
                    default=0,
                    min=0,
                    max=100,
                    optional=True,
                    tooltip="How many to replace; 0 is all.",
                ),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(
        cls,
        string: str,
        regex_pattern: str,
        replace: str,
        case_insensitive: bool = True,
        multiline: bool = False,
        dotall: bool = False,
        count: int = 0,
    ) -> io.NodeOutput:
        """Return the changed text.

        Raises:
            ValueError: The pattern or the replacement is not valid.
        """
        try:
            changed = re.sub(
                regex_pattern,
                replace,
                string,
                count=count,
                flags=_flags(case_insensitive, multiline, dotall),
            )
        except re.error as error:
            raise ValueError(
                f'"{regex_pattern}" with "{replace}" is not a valid replacement: {error}.'
            ) from error
        return io.NodeOutput(changed)


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
                _text("json_string", "The JSON text, such as a language model answers."),
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
    "RegexMatch": RegexMatch,
    "RegexExtract": RegexExtract,
    "RegexReplace": RegexReplace,
    "JsonExtractString": JsonExtractString,
}
