"""Weights in prompts: ``lantern`` becomes ``(lantern:1.05)`` and back again (U-243)."""

from __future__ import annotations

import re

DEFAULT_STEP = 0.05

_WEIGHT = re.compile(r":\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*$")
_WORD_ENDS = ' \t\n\r\u2029\u2028.,\\/!?%^*;:{}=`~()|<>"'
_BLANKS = " \t\n\r\u2029\u2028"


def change_weight(text: str, start: int, end: int, change: float) -> tuple[str, int, int]:
    """Change the weight of the selection, of the brackets around it, or of the word at the caret.

    A weight of 1 takes the brackets off again.

    Args:
        text: The whole prompt.
        start: Where the selection begins; equal to ``end`` for a bare caret.
        end: Where it ends.
        change: What is added to the weight.

    Returns:
        The new prompt and the selection in it. Everything is as it was when there is nothing to
        weigh.
    """
    start, end = max(0, min(start, end)), min(len(text), max(start, end))
    brackets = _enclosing_brackets(text, start, end)
    if brackets is not None:
        start, end = brackets
    elif start == end:
        start, end = _word_at(text, start)
    while start < end and text[start] in _BLANKS:
        start += 1
    while end > start and text[end - 1] in _BLANKS:
        end -= 1
    if start == end:
        return text, start, end
    words, weight = _split(text[start:end])
    weight = round(weight + change, 10)
    new = words if weight == 1.0 else f"({words}:{weight:g})"
    return text[:start] + new + text[end:], start, start + len(new)


def common_start(first: str, second: str) -> int:
    """Return how many letters two texts have in common at their beginning."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def _split(part: str) -> tuple[str, float]:
    """Return the words and the weight of ``(words:1.1)``; ``(words)`` counts 1.1 as usual."""
    if not (part.startswith("(") and part.endswith(")") and _closing(part, 0) == len(part) - 1):
        return part, 1.0
    inner = part[1:-1]
    if weight := _WEIGHT.search(inner):
        return inner[: weight.start()], float(weight[1])
    return inner, 1.1


def _enclosing_brackets(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the nearest round brackets that hold the selection, or that it spans exactly."""
    if end - start >= 2 and text[start] == "(" and _closing(text, start) == end - 1:
        return start, end
    if start == end and text[start - 1 : start] == ")" and not _is_escaped(text, start - 1):
        start = end = start - 1
    depth = 0
    for place in range(start - 1, -1, -1):
        if _is_escaped(text, place):
            continue
        if text[place] == ")":
            depth += 1
        elif text[place] == "(":
            if depth:
                depth -= 1
                continue
            closing = _closing(text, place)
            if closing is not None and closing >= end:
                return place, closing + 1
            return None
    return None


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for place in range(opening, len(text)):
        if _is_escaped(text, place):
            continue
        if text[place] == "(":
            depth += 1
        elif text[place] == ")":
            depth -= 1
            if depth == 0:
                return place
    return None


def _is_escaped(text: str, place: int) -> bool:
    count = 0
    while place - count - 1 >= 0 and text[place - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _word_at(text: str, caret: int) -> tuple[int, int]:
    start = end = caret
    while start > 0 and text[start - 1] not in _WORD_ENDS:
        start -= 1
    while end < len(text) and text[end] not in _WORD_ENDS:
        end += 1
    return start, end
