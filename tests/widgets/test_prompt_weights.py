"""U-243: prompt weights."""

from __future__ import annotations

import pytest

from app.widgets.prompt_weights import change_weight


def marked(text):
    """Take the caret or selection out of ``a |word| b``."""
    parts = text.split("|")
    plain = "".join(parts)
    start = len(parts[0])
    end = start + (len(parts[1]) if len(parts) == 3 else 0)
    return plain, start, end


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("a lan|tern", 0.05, "a |(lantern:1.05)|"),
        ("a lantern|", 0.05, "a |(lantern:1.05)|"),
        ("|lantern, b", 0.1, "|(lantern:1.1)|, b"),
        ("a |quiet harbour| at", 0.05, "a |(quiet harbour:1.05)| at"),
        ("a | quiet | at", 0.05, "a  |(quiet:1.05)|  at"),
        ("(lan|tern:1.05)", 0.05, "|(lantern:1.1)|"),
        ("(lan|tern:1.05)", -0.05, "|lantern|"),
        ("(lan|tern:0.95)", 0.05, "|lantern|"),
        ("lan|tern", -0.05, "|(lantern:0.95)|"),
        ("(lan|tern)", 0.05, "|(lantern:1.15)|"),
        ("(a (b|:1.2) c:1.1)", 0.05, "(a |(b:1.25)| c:1.1)"),
        ("(a| (b:1.2) c:1.1)", 0.05, "|(a (b:1.2) c:1.15)|"),
        ("|(lantern:1.1)|", 0.05, "|(lantern:1.15)|"),
        ("(quiet |harbour|:1.1)", 0.05, "|(quiet harbour:1.15)|"),
        (r"a \(b|\) c", 0.05, r"a \(|(b:1.05)|\) c"),
        ("(a:-0.5)|", 0.05, "|(a:-0.45)|"),
        ("a , | , b", 0.05, "a , || , b"),
        ("|", 0.05, "||"),
        ("a (b| c", 0.05, "a (|(b:1.05)| c"),
        ("two\nli|nes", 0.05, "two\n|(lines:1.05)|"),
    ],
)
def test_u243_weights(before, change, after):
    text, start, end = change_weight(*marked(before), change)

    assert text[:start] + "|" + text[start:end] + "|" + text[end:] == after


def test_u243_going_up_and_down_comes_back_to_the_plain_word():
    text, start, end = "lantern", 3, 3
    for change in (0.05,) * 7 + (-0.05,) * 7:
        text, start, end = change_weight(text, start, end, change)

    assert text == "lantern"
