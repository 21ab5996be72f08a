"""Search and replace with regular expressions."""

from __future__ import annotations

import logging
import re
from typing import Any

from comfy_api.latest import io

from .text import multiline_text

_log = logging.getLogger("easel.nodes")


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
                multiline_text("string", "The text to search."),
                multiline_text("regex_pattern", "The regular expression."),
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
                multiline_text("string", "The text to search."),
                multiline_text("regex_pattern", "The regular expression; brackets make groups."),
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
                multiline_text("string", "The text to change."),
                multiline_text("regex_pattern", "The regular expression."),
                multiline_text("replace", "What to put there; \\1 stands for the first group."),
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


NODE_CLASS_MAPPINGS = {
    "RegexMatch": RegexMatch,
    "RegexExtract": RegexExtract,
    "RegexReplace": RegexReplace,
}
