"""Events of a run as text."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from app.cli.progress import EventWriter, NodeText, ProgressPrinter
from app.engine.events import (
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    NodeProgress,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
    ProgressTextEvent,
)

TITLES = {"1": "Load", "2": "Sample", "3": "Save"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def play(printer: ProgressPrinter) -> None:
    printer(ExecutionCachedEvent("p", ("1",), 0))
    printer(ExecutingEvent("p", "2", "2"))
    printer(ProgressEvent("p", "2", 5, 20))
    printer(ExecutingEvent("p", "3", "3"))
    printer(ExecutedEvent("p", "3", "3", {"images": []}))
    printer(ExecutingEvent("p", None, None))
    printer.close()


def test_a_log_gets_a_line_for_each_node_that_runs():
    stream = io.StringIO()

    play(ProgressPrinter(TITLES, stream))

    assert stream.getvalue() == "[2/3] Sample\n[3/3] Save\n"


def test_a_terminal_gets_one_line_that_is_drawn_over():
    stream = Terminal()

    play(ProgressPrinter(TITLES, stream))

    drawn = stream.getvalue().split("\r\x1b[2K")
    assert drawn[1] == "[2/3] Sample"
    assert drawn[2] == "[2/3] Sample  ██████░░░░░░░░░░░░░░░░░░ 5/20"
    assert drawn[-1] == "[3/3] Save\n"


@pytest.mark.parametrize(("value", "maximum"), [(30, 20), (-1, 20), (3, 0), (0, 0)])
def test_odd_progress_values_do_no_harm(value, maximum):
    stream = Terminal()
    printer = ProgressPrinter(TITLES, stream)

    printer(ExecutingEvent("p", "2", "2"))
    printer(ProgressEvent("p", "2", value, maximum))

    assert "[1/3] Sample" in stream.getvalue()


def test_what_nodes_print_stands_above_the_bar_which_comes_back():
    stream = Terminal()
    printer = ProgressPrinter(TITLES, stream)
    text = NodeText(printer, stream)
    printer(ExecutingEvent("p", "2", "2"))

    text.write("hello\n")
    printer(ProgressEvent("p", "2", 1, 2))

    assert stream.getvalue().split("\r\x1b[2K")[1:3] == ["[1/3] Sample", "hello\n"]
    assert stream.getvalue().endswith("1/2")
    assert text.isatty()


def test_a_line_that_a_node_did_not_end_is_ended():
    stream = io.StringIO()
    printer = ProgressPrinter(TITLES, stream)
    text = NodeText(printer, stream)

    text.write("counting ")
    text.write("")
    printer(ExecutingEvent("p", "2", "2"))

    assert stream.getvalue() == "counting \n[1/3] Sample\n"


def test_what_a_node_wants_to_say_below_itself_is_a_line():
    stream = io.StringIO()

    ProgressPrinter(TITLES, stream)(ProgressTextEvent("2", "half way"))

    assert stream.getvalue() == "half way\n"


def test_events_become_lines_of_json():
    stream = io.StringIO()
    writer = EventWriter(stream)

    writer(ExecutedEvent("p", "3", "3", {"images": [{"filename": "a.png"}], "set": {1}}))
    writer(ProgressStateEvent("p", (NodeProgress("2", "2", None, "2", "running", 1, 4),)))
    writer(PreviewEvent("p", "2", "2", np.zeros((8, 16, 3), np.uint8), owned=True))

    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["type"] == "executed"
    assert first["data"]["output"] == {"images": [{"filename": "a.png"}], "set": [1]}
    assert second["data"]["nodes"][0]["state"] == "running"
    assert third == {
        "type": "b_preview",
        "data": {
            "prompt_id": "p",
            "node_id": "2",
            "display_node": "2",
            "width": 16,
            "height": 8,
        },
    }
