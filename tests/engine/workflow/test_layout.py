"""Tidy arrangement of nodes."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from app.engine.workflow.layout import arrange


def test_a_chain_runs_from_left_to_right():
    places = arrange(dict.fromkeys("abc", (100, 50)), [("a", "b"), ("b", "c")])

    assert places["a"][0] < places["b"][0] < places["c"][0]
    assert len({y for _, y in places.values()}) == 1


def test_a_node_stands_after_the_last_of_its_sources():
    places = arrange(dict.fromkeys("abcd", (100, 50)), [("a", "d"), ("a", "b"), ("b", "c"),
                                                       ("c", "d")])  # fmt: skip

    assert places["d"][0] > places["c"][0]


def test_links_do_not_cross_where_that_is_easy():
    links = [("a", "y"), ("b", "x")]

    places = arrange(dict.fromkeys(["a", "b", "x", "y"], (10, 10)), links)

    assert (places["a"][1] < places["b"][1]) == (places["y"][1] < places["x"][1])


_KEYS = st.integers(0, 12).map(str)


@given(
    boxes=st.dictionaries(_KEYS, st.tuples(st.integers(1, 400), st.integers(1, 400)), max_size=12),
    links=st.lists(st.tuples(_KEYS, _KEYS), max_size=40),
)
def test_no_two_nodes_overlap_whatever_the_links_are(boxes, links):
    places = arrange(boxes, links, start=(5.0, 7.0))

    assert places.keys() == boxes.keys()
    keys = list(boxes)
    for index, key in enumerate(keys):
        x, y = places[key]
        assert x >= 5
        assert y >= 7
        for other in keys[index + 1 :]:
            ox, oy = places[other]
            is_beside = x + boxes[key][0] <= ox or ox + boxes[other][0] <= x
            is_above = y + boxes[key][1] <= oy or oy + boxes[other][1] <= y
            assert is_beside or is_above


def test_5000_nodes_in_one_chain_take_no_recursion_and_little_time():
    keys = [str(index) for index in range(5000)]
    links = list(itertools.pairwise(keys))

    started = time.process_time()
    places = arrange(dict.fromkeys(keys, (100.0, 50.0)), links)

    assert len(places) == 5000
    assert time.process_time() - started < 1.0
