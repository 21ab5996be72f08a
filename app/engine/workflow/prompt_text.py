"""Texts that change on their way into a prompt: choices in braces and ``%replacements%``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

_BLOCK_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_LINE_COMMENT: Final = re.compile(r"//[^\r\n\u2028\u2029]*")
_ESCAPED: Final = re.compile(r"\\([{}|])")
_REPLACEMENT: Final = re.compile(r"%([^%]+)%")
_DATE_PART: Final = re.compile(r"yyyy|yy|dd?|MM?|hh?|mm?|ss?")
_UNSAFE: Final = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_OPENING: Final = re.compile(r"\\.|\{", re.DOTALL)
_SIGN: Final = re.compile(r"\\.|[{}|]", re.DOTALL)
_MAX_WORK: Final = 4_000_000
"""Letters looked at before a text that is nothing but braces is left as it is."""

Chooser = Callable[[Sequence[str]], str]


def choose_first(options: Sequence[str]) -> str:
    """Take the first option, as recorded prompts and tests do (W-062)."""
    return options[0]


def expand_choices(text: str, choose: Chooser) -> str:
    r"""Expand a dynamic prompt (W-060).

    Comments go, ``{a|b|c}`` becomes one of its options, and options may hold choices again. An
    unclosed brace ends with the text; ``\{``, ``\}`` and ``\|`` stand for the signs themselves.

    Args:
        text: The text of the artist.
        choose: Picks one of the options of a choice.
    """
    parts: list[str] = []
    waiting = [_without_comments(text)]
    work = 0
    while waiting:
        at = waiting.pop()
        start = _find_brace(at) if work < _MAX_WORK else None
        if start is None:
            parts.append(at)
            continue
        work += len(at) - start
        options, end = _read_options(at, start)
        parts.append(at[:start])
        waiting.append(at[end:])
        waiting.append(_without_comments(choose(options)))
    return _ESCAPED.sub(r"\1", "".join(parts))


def replace_text(text: str, now: datetime, look_up: Callable[[str, str], str | None]) -> str:
    """Fill in ``%date:FORMAT%`` and ``%Node.widget%`` (W-070); anything unknown stays as typed.

    Args:
        text: The text of the artist.
        now: Local time for dates.
        look_up: Returns the value of a widget by node name and widget name as text, or None.
    """

    def fill(match: re.Match[str]) -> str:
        content = match.group(1)
        if content.startswith("date:"):
            return format_date(content[len("date:") :], now)
        parts = content.split(".")
        if len(parts) != 2:
            return match.group(0)
        value = look_up(parts[0], parts[1])
        return match.group(0) if value is None else _UNSAFE.sub("_", value)

    return _REPLACEMENT.sub(fill, text)


def format_date(pattern: str, now: datetime) -> str:
    """Format a time with d, dd, M, MM, h, hh, m, mm, s, ss, yy and yyyy (h counts to 23)."""
    values = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def fill(match: re.Match[str]) -> str:
        part = match.group(0)
        if part == "yyyy":
            return f"{now.year}"
        if part == "yy":
            return f"{now.year:04}"[2:]
        value = values[part[0]]
        return f"{value:02}" if len(part) == 2 else f"{value}"

    return _DATE_PART.sub(fill, pattern)


def as_text(value: Any) -> str:
    """Return a widget value as the web editor turns it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _without_comments(text: str) -> str:
    return _LINE_COMMENT.sub("", _BLOCK_COMMENT.sub("", text))


def _find_brace(text: str) -> int | None:
    for match in _OPENING.finditer(text):
        if match.group(0) == "{":
            return match.start()
    return None


def _read_options(text: str, start: int) -> tuple[list[str], int]:
    """Return the options of the choice that opens at ``start``, and where it ends."""
    options: list[str] = []
    depth = 0
    first = start + 1
    for match in _SIGN.finditer(text, first):
        sign = match.group(0)
        if sign == "{":
            depth += 1
        elif sign == "}":
            if depth == 0:
                options.append(text[first : match.start()])
                return options, match.end()
            depth -= 1
        elif sign == "|" and depth == 0:
            options.append(text[first : match.start()])
            first = match.end()
    options.append(text[first:])
    return options, len(text)
