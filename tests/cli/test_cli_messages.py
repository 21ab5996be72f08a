"""What is written reaches any terminal whole, and gives it no orders."""

from __future__ import annotations

import io
import json

import pytest

from app.cli.messages import Console, printable
from app.headless import run_command


def _streams(encoding: str) -> tuple[Console, io.BytesIO, io.BytesIO]:
    out, err = io.BytesIO(), io.BytesIO()
    return (
        Console(io.TextIOWrapper(out, encoding), io.TextIOWrapper(err, encoding)),
        out,
        err,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("value", ["plain", "a\ud800b", "Straße 図 🖼", "tab\tline\n", "\x1b[31m"])
def test_json_stays_json_on_every_terminal(encoding, value):
    console, out, _ = _streams(encoding)

    console.give(json.dumps({"value": value}, ensure_ascii=False))

    assert json.loads(out.getvalue().decode(encoding)) == {"value": value}


@pytest.mark.parametrize("order", ["\x1b[2J", "\x07", "\x9b31m", "\r", "\x7f"])
def test_words_of_a_file_are_no_orders_to_the_terminal(order):
    console, _, err = _streams("utf-8")

    console.say(f'The node type "{order}" is not installed.')

    text = err.getvalue().decode()
    assert order not in text
    assert text.startswith('The node type "\\')


def test_ordinary_text_is_written_as_it_is():
    text = "Zeile eins\n\tnoch eine: „図“ 🖼 é\u00a0"
    assert printable(text) == text


def test_a_file_with_half_a_character_is_converted_and_compared(tmp_path, capsysbinary):
    path, other = tmp_path / "half.json", tmp_path / "other.json"
    path.write_text('{"nodes": [{"id": 1, "type": "a\\ud800b"}], "links": []}')
    other.write_text('{"nodes": [], "links": []}')

    assert run_command(["diff", str(path), str(other), "--base-dir", str(tmp_path)]) == 1

    assert b"a\\ud800b" in capsysbinary.readouterr().out
