"""What a canvas marks of the differences between two workflows."""

from __future__ import annotations

import json

from workflow_tools import definition, node, out, slot

from app.engine.workflow.diff import diff_workflows
from app.engine.workflow.diff_marks import Difference, Ghost, GhostLink, MarkKind, marks_of
from app.engine.workflow.reader import read_workflow

_DEFINITIONS = {
    "Make": definition("Make", {"width": ["INT", {}], "name": ["STRING", {}]}, None, ("IMAGE",)),
    "Show": definition("Show", {"image": ["IMAGE"]}),
}


def _raw(**more):
    return {
        "version": 0.4,
        "nodes": [
            node(1, "Make", outputs=[out("IMAGE", "IMAGE", (1,))], widgets_values=[64, "a"]),
            node(2, "Show", inputs=[slot("image", "IMAGE", 1)], pos=[300, 0]),
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "groups": [],
        **more,
    }


def _marks(before, after):
    one, other = (read_workflow(json.dumps(raw)) for raw in (before, after))
    return marks_of(diff_workflows(one, other, _DEFINITIONS), one, other, _DEFINITIONS)


def test_equal_workflows_mark_nothing():
    marks = _marks(_raw(), _raw())
    assert marks.differences == ()
    assert not marks.graph("").added
    assert [marks.count(kind) for kind in MarkKind] == [0, 0, 0]


def test_a_removed_node_leaves_a_ghost_where_it_was_and_its_link():
    after = _raw(links=[])
    after["nodes"] = [
        node(1, "Make", outputs=[out("IMAGE", "IMAGE", ())], widgets_values=[64, "a"])
    ]
    before = _raw()
    before["nodes"][1]["size"] = [200, 50]
    marks = _marks(before, after)
    assert marks.graph("").removed == {"2": Ghost("2", "Show", (300.0, -30.0, 500.0, 50.0))}
    assert marks.graph("").links_removed == {"1": GhostLink("1", "IMAGE", "1", 0, "2", 0, "image")}
    assert marks.differences == (Difference(MarkKind.REMOVED, "", "2", words=("Show",)),)
    assert marks.count(MarkKind.REMOVED, links=True) == 1


def test_a_collapsed_node_leaves_a_ghost_of_its_title():
    before = _raw(links=[])
    before["nodes"][1]["flags"] = {"collapsed": True}
    before["nodes"][1]["size"] = [400, 90]
    after = _raw(links=[], nodes=[_raw()["nodes"][0]])
    (ghost,) = _marks(before, after).graph("").removed.values()
    assert ghost.box == (300.0, -30.0, 420.0, 0.0)


def test_values_count_as_changes_but_places_and_sizes_do_not():
    after = _raw()
    after["nodes"][0]["widgets_values"] = [65, "a"]
    after["nodes"][0]["pos"] = [5, 5]
    after["nodes"][1]["size"] = [999, 99]
    marks = _marks(_raw(), after)
    assert marks.graph("").changed == {"1": ("width: 64 -> 65",)}
    assert marks.graph("").moved == {"2"}
    assert marks.moved_count == 1
    assert [each.words for each in marks.differences] == [("Make", "width: 64 -> 65")]


def test_a_link_between_nodes_that_stayed_is_a_step_of_its_own():
    after = _raw(links=[])
    after["nodes"][0]["outputs"][0]["links"] = []
    after["nodes"][1]["inputs"][0]["link"] = None
    gone = _marks(_raw(), after)
    assert gone.differences == (
        Difference(MarkKind.REMOVED, "", "2", "1", ("Make IMAGE -> Show image",)),
    )
    back = _marks(after, _raw())
    assert back.graph("").links_added == {"1"}
    assert back.differences[0].kind is MarkKind.ADDED


def test_the_walk_goes_from_left_to_right():
    after = _raw()
    after["nodes"] += [node(7, "Show", pos=[-50, 900]), node(8, "Show", pos=[100, 0])]
    after["nodes"][1]["title"] = "Other"
    marks = _marks(_raw(), after)
    assert [each.node for each in marks.differences] == ["7", "8", "2"]


def test_another_type_under_the_same_id_is_a_ghost_and_a_new_node():
    after = _raw(links=[])
    after["nodes"][1] = node(2, "Make", pos=[300, 0], outputs=[out("IMAGE", "IMAGE", ())])
    marks = _marks(_raw(), after)
    assert marks.graph("").added == {"2"}
    assert list(marks.graph("").removed) == ["2"]
    assert {each.kind for each in marks.differences} == {MarkKind.ADDED, MarkKind.REMOVED}
