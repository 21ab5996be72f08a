"""Control after generate (W-080 to W-085)."""

from __future__ import annotations

import random

import pytest
from workflow_tools import Desk, content, definition, flow, node, out, slot, subgraph

from app.engine.workflow.binding import BoundWidget
from app.engine.workflow.patch import apply_patch
from app.engine.workflow.seeds import next_value, step_seeds

_ALL = {
    "Seeded": definition(
        "Seeded", {"seed": ["INT", {"min": 0, "max": 100, "control_after_generate": True}]}
    ),
    "Pick": definition("Pick", {"name": [["a", "b", "c"], {"control_after_generate": True}]}),
    "Source": definition("Source", outputs=("INT",)),
}


class _Chance:
    """Gives 0.5 and the last of several things."""

    def random(self) -> float:
        return 0.5

    def choice(self, options):
        return options[-1]


def _number(value, **options) -> BoundWidget:
    return BoundWidget("n", "n", "INT", value, 0, options)


def _step(workflow, **more) -> dict:
    apply_patch(workflow, step_seeds(workflow, _ALL, when="after", chance=_Chance(), **more))
    return {key: item.raw.get("widgets_values") for key, item in workflow.root.nodes.items()}


@pytest.mark.parametrize(
    ("mode", "value", "options", "expected"),
    [
        ("fixed", 5, {}, 5),
        ("increment", 5, {}, 6),
        ("decrement", 5, {"step": 10, "min": 0}, 0),
        ("increment", 98, {"step": 10, "max": 100}, 100),
        ("increment", "x", {}, "x"),
        ("randomize", 5, {"min": 0, "max": 100}, 50),
        ("randomize", 5, {"min": 10, "max": 21, "step": 10}, 10),
        ("randomize", 5, {"min": 0, "max": 18446744073709551615}, 562949953421312),
        (True, 5, {"min": 0, "max": 100}, 50),
        (False, 5, {}, 5),
        ("nonsense", 5, {}, 5),
    ],
)
def test_w081_w082_numbers_step_and_stay_in_range(mode, value, options, expected):
    assert next_value(_number(value, **options), mode, "", _Chance()) == expected


def test_w082_steps_of_a_tenth_do_not_add_up_to_noise():
    widget = BoundWidget("x", "x", "FLOAT", 0.2, 0, {"step": 0.1, "max": 9})

    assert next_value(widget, "increment", "") == 0.3


@pytest.mark.parametrize(
    ("mode", "value", "condition", "expected"),
    [
        ("increment", "a1", "", "b2"),
        ("increment", "c3", "", "c3"),
        ("increment-wrap", "c3", "", "a1"),
        ("decrement", "a1", "", "a1"),
        ("decrement", "c3", "", "b2"),
        ("randomize", "a1", "", "c3"),
        ("increment", "a1", "C", "c3"),
        ("randomize", "a1", "/^[ab]/", "b2"),
        ("increment", "a1", "nothing", "a1"),
        ("increment", "a1", "/(/", "a1"),
        ("increment", "gone", "", "a1"),
    ],
)
def test_w083_combos_move_in_the_filtered_list(mode, value, condition, expected):
    widget = BoundWidget("n", "n", "COMBO", value, "", {}, ("a1", "b2", "c3"))

    assert next_value(widget, mode, condition, _Chance()) == expected


def test_w080_after_a_run_every_controlled_widget_steps():
    nodes = [
        node(1, "Seeded", widgets_values=[5, "increment"]),
        node(2, "Seeded", widgets_values=[5, "fixed"]),
        node(3, "Pick", widgets_values=["a", "increment-wrap", "c"]),
    ]

    assert _step(flow(nodes)) == {
        "1": [6, "increment"], "2": [5, "fixed"], "3": ["c", "increment-wrap", "c"],
    }  # fmt: skip


def test_w080_before_a_run_the_first_time_changes_nothing():
    workflow = flow([node(1, "Seeded", widgets_values=[5, "increment"])])
    seen: set[str] = set()

    first = step_seeds(workflow, _ALL, when="before", seen=seen)
    second = step_seeds(workflow, _ALL, when="before", seen=seen)

    assert first == ()
    assert len(second) == 1


def test_w081_nothing_happens_while_a_link_drives_the_widget():
    stored = [slot("seed", "INT", 1, widget={"name": "seed"})]
    nodes = [
        node(1, "Source"), node(2, "Seeded", inputs=stored, widgets_values=[5, "increment"]),
    ]  # fmt: skip

    assert _step(flow(nodes, [[1, 1, 0, 2, 0, "INT"]]))["2"] == [5, "increment"]


def test_a_primitive_steps_the_value_it_holds():
    stored = [slot("seed", "INT", 1, widget={"name": "seed"})]
    plain = definition("Plain", {"seed": ["INT", {"max": 100, "control_after_generate": False}]})
    nodes = [
        node(1, "PrimitiveNode", outputs=[out("INT", "INT")], widgets_values=[7, "increment"]),
        node(2, "Plain", inputs=stored, widgets_values=[5]),
    ]
    workflow = flow(nodes, [[1, 1, 0, 2, 0, "INT"]])

    patch = step_seeds(workflow, {"Plain": plain}, when="after")
    apply_patch(workflow, patch)

    assert workflow.root.nodes["1"].raw["widgets_values"] == [8, "increment"]


def _promoted(host: dict, links=()):
    inner = subgraph(
        "s",
        [node(5, "Seeded", widgets_values=[5, "increment"],
              inputs=[slot("seed", "INT", 1, widget={"name": "seed"})])],
        [(1, -10, 0, 5, 0)],
        (("seed", "INT"),),
    )  # fmt: skip
    return flow([node(9, "Source"), host], list(links), definitions={"subgraphs": [inner]})


def test_w084_a_promoted_seed_steps_on_the_host():
    workflow = _promoted(node(1, "s", widgets_values=[40]))

    assert _step(workflow)["1"] == [41]
    assert workflow.subgraphs["s"].nodes["5"].raw["widgets_values"] == [5, "increment"]


def test_w084_not_while_the_host_input_is_linked():
    host = node(1, "s", widgets_values=[40], inputs=[slot("seed", "INT", 1)])

    assert _step(_promoted(host, [[1, 9, 0, 1, 0, "INT"]]))["1"] == [40]


def test_stepping_can_be_taken_back():
    desk = Desk(flow([node(1, "Seeded", widgets_values=[5, "randomize"])]), _ALL)
    before = content(desk.workflow)

    desk.do(step_seeds(desk.workflow, _ALL, when="after", chance=random.Random(1)))
    assert desk.differences() == []
    desk.undo()

    assert content(desk.workflow) == before


def test_w085_each_round_gets_its_own_seed():
    workflow = flow([node(1, "Seeded", widgets_values=[5, "increment"])])

    values = [_step(workflow)["1"][0] for _ in range(3)]

    assert values == [6, 7, 8]


def test_an_unknown_moment_is_refused():
    with pytest.raises(ValueError, match='"before" or "after"'):
        step_seeds(flow([]), _ALL, when="sometime")
