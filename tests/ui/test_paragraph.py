"""Wrapped text with the line height of the design."""

import pytest
from PySide6.QtGui import QFont

from app.ui.paragraph import wrap

WORDS = "put the file into its folder and press the key to read all of the folders anew"


@pytest.mark.parametrize("first", ["", "😀 ", "👩‍👩‍👧 ünï 漢字 "])
def test_lines_break_between_words_behind_signs_of_two_units(qapp, first):
    lines = wrap(first + WORDS, QFont("Inter", 10), 160)

    assert len(lines) > 2
    assert " ".join(lines) == first + WORDS
