"""The prompt as a graph: links, order, ancestry, cycles."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.execution.prompt import (
    ancestry,
    consumers,
    find_cycle,
    is_link,
    links_of,
    sources_of,
)


def graph(**sources: str) -> dict[str, Any]:
    """Make a prompt from ``node="ids of its sources, blank separated"``."""
    return {
        node_id: {
            "class_type": "Any",
            "inputs": {f"in{index}": [source, 0] for index, source in enumerate(given.split())},
        }
        for node_id, given in sources.items()
    }


@pytest.mark.parametrize("value", [["1", 0], ["1", 2.0], ["1", True], ["", -1]])
def test_e003_a_list_of_text_and_number_is_a_link(value):
    assert is_link(value)


@pytest.mark.parametrize(
    "value", [("1", 0), ["1"], ["1", 0, 0], [1, 0], ["1", "0"], ["1", None], "10", None, {}]
)
def test_e003_anything_else_is_no_link(value):
    assert not is_link(value)


def test_e916_display_inputs_hold_no_links():
    node = {"class_type": "Any", "inputs": {"a": ["1", 2], "$$b": ["2", 0], "c": 5}}

    assert list(links_of(node)) == [("a", "1", 2)]
    assert sources_of(node) == ["1"]


@pytest.mark.parametrize("node", [{}, {"inputs": None}, {"inputs": [1]}, {"class_type": "A"}])
def test_e002_a_node_without_inputs_has_no_links(node):
    assert list(links_of(node)) == []
    assert sources_of(node) == []


def test_e902_sources_come_first_in_input_order():
    prompt = graph(out="left right", left="base", right="base", base="", other="")

    found = ancestry(prompt, ["out"])

    assert found.order == ("base", "left", "right", "out")
    assert found.cycles == ()


def test_ancestry_has_each_node_once_and_passes_over_what_is_not_there():
    prompt = graph(a="gone", b="a a")

    assert ancestry(prompt, ["b", "a", "nowhere", "b"]).order == ("a", "b")


def test_e901_a_cycle_is_given_along_the_links():
    prompt = graph(start="b", a="c", b="a", c="b", out="start")

    assert ancestry(prompt, ["out"]).cycles == (("c", "a", "b"),)


def test_e901_a_node_stands_in_one_reported_cycle_only():
    prompt = graph(a="b c d", b="a", c="a", d="d")

    cycles = ancestry(prompt, ["a"]).cycles

    assert sorted(node for cycle in cycles for node in cycle) == ["a", "b", "d"]


def test_e901_a_cycle_that_shares_only_its_middle_is_part_of_the_same_tangle():
    prompt = graph(a="b", b="c", c="d", d="leaf other", leaf="c", other="b")

    assert ancestry(prompt, ["a"]).cycles == (("leaf", "d", "c"),)


def test_find_cycle_looks_everywhere_or_only_upstream():
    prompt = graph(a="a", b="", c="b")

    assert find_cycle(prompt) == ("a",)
    assert find_cycle(prompt, ["c"]) == ()


def test_e901_a_ring_of_100000_nodes_is_found():
    size = 100_000
    prompt = graph(**{str(index): str((index + 1) % size) for index in range(size)})

    assert len(find_cycle(prompt)) == size


def test_e901_a_dense_tangle_stays_cheap():
    size = 3000
    prompt = graph(**{str(index): f"0 {min(index + 1, size - 1)}" for index in range(size)})

    assert sum(map(len, ancestry(prompt, ["0"]).cycles)) <= size


def test_consumers_lists_each_consumer_once():
    prompt = graph(a="", b="a a", c="a b")

    assert consumers(prompt, ["a", "b", "c"]) == {"a": ["b", "c"], "b": ["c"]}
