"""``comfy.sd1_clip``: the text functions that packs borrow; the networks are stand-ins.

A prompt's words can be weighted: ``(word:1.3)``, ``(word)`` for 1.1. A backslash before a
parenthesis makes it plain.
"""

from __future__ import annotations

import os

_OPEN = "\0\2"
_CLOSE = "\0\1"


def escape_important(text: str) -> str:
    """Hide escaped parentheses from the weight parser."""
    return text.replace("\\)", _CLOSE).replace("\\(", _OPEN)


def unescape_important(text: str) -> str:
    """Bring hidden parentheses back as plain ones."""
    return text.replace(_CLOSE, ")").replace(_OPEN, "(")


def parse_parentheses(string: str) -> list[str]:
    """Cut a text into outermost parenthesised parts and what lies between."""
    parts: list[str] = []
    current = ""
    depth = 0
    for letter in string:
        if letter == "(":
            if depth == 0 and current:
                parts.append(current)
                current = ""
            depth += 1
            current += letter
        elif letter == ")":
            depth -= 1
            current += letter
            if depth == 0:
                parts.append(current)
                current = ""
        else:
            current += letter
    if current:
        parts.append(current)
    return parts


def token_weights(string: str, current_weight: float) -> list[tuple[str, float]]:
    """Return the parts of a text with their weights.

    Args:
        string: The text, after :func:`escape_important`.
        current_weight: Weight of text outside parentheses.
    """
    found: list[tuple[str, float]] = []
    for part in parse_parentheses(string):
        if len(part) < 2 or not (part[0] == "(" and part[-1] == ")"):
            found.append((part, current_weight))
            continue
        inner = part[1:-1]
        weight = current_weight * 1.1
        colon = inner.rfind(":")
        if colon > 0:
            try:
                weight = float(inner[colon + 1 :])
                inner = inner[:colon]
            except ValueError:
                pass
        found += token_weights(inner, weight)
    return found


def expand_directory_list(directories: list[str]) -> list[str]:
    """Return the folders and every folder below them, links followed, each once."""
    found: dict[str, None] = {}
    for directory in directories:
        found[directory] = None
        for folder, _, _ in os.walk(directory, followlinks=True):
            found[folder] = None
    return list(found)
