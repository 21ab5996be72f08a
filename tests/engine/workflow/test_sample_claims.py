"""What every hand-made sample has to show, file by file; the README of the data lists it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from workflow_tools import (
    DATA,
    Desk,
    content,
    raw_sample,
    read_sample,
    sample_definitions,
    sample_path,
)

from app.engine.workflow import edits
from app.engine.workflow.reader import open_workflow, read_workflow
from app.engine.workflow.to_prompt import Conversion, convert

_TESTS = Path(__file__).resolve().parents[2]


def _convert(name: str, **options: Any) -> Conversion:
    return convert(read_sample(name), sample_definitions(), first_choice=True, **options)


def _inputs(name: str, node: str) -> dict[str, Any]:
    return _convert(name, exact_ids=True).prompt[node]["inputs"]


@contextmanager
def _little_recursion() -> Iterator[None]:
    """Leave the code below room for 200 calls within each other."""
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 200)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_adv_empty_gives_an_empty_prompt():
    conversion = _convert("adv_empty")

    assert (conversion.prompt, conversion.problems) == ({}, [])


def test_adv_missing_fields_skips_the_null_link_and_loads_five_nodes():
    workflow = read_sample("adv_missing_fields")

    assert list(workflow.root.nodes) == ["1", "2", "3", "4", "5"]
    assert json.loads(content(workflow))["links"][-1] is None


@pytest.mark.parametrize("name", ["adv_missing_fields", "adv_missing_fields_b"])
def test_adv_missing_fields_names_the_unknown_type_and_takes_defaults(name):
    conversion = _convert(name)
    prompt = conversion.prompt

    assert [problem.message for problem in conversion.problems] == [
        'The node type "Nope" is not installed.'
    ]
    assert "ckpt_name" not in prompt["1"]["inputs"]
    assert prompt["2"]["inputs"] == {"text": "hello", "clip": ["1", 1]}
    assert (prompt["3"]["inputs"]["positive"], prompt["3"]["inputs"]["steps"]) == (["2", 0], 20)
    assert "class_type" not in prompt["4"]
    assert prompt["4"]["inputs"]["UNKNOWN"] == "keep me"


def test_adv_broken_links_ignores_what_leads_nowhere():
    sampler, decoder = (_inputs("adv_broken_links", key) for key in ("5", "6"))

    assert "positive" not in sampler
    assert sampler["negative"] == ["3", 0]
    assert decoder == {"samples": ["5", 0], "vae": ["1", 2]}
    bound = Desk(read_sample("adv_broken_links")).bound
    assert bound.nodes.keys() == {"1", "2", "3", "4", "5", "6", "7"}


def test_adv_cycle_converts():
    conversion = _convert("adv_cycle")

    assert conversion.problems == []
    assert conversion.prompt["1"]["inputs"]["samples"] == ["2", 0]
    assert conversion.prompt["2"]["inputs"]["samples"] == ["1", 0]


def test_adv_bypass_cycle_stays_usable():
    desk = Desk(read_sample("adv_bypass_cycle"))
    start = content(desk.workflow)

    assert [p.node_id for p in _convert("adv_bypass_cycle").problems] == ["3"]
    desk.do(edits.disconnect_input(*desk.both, "1", 0))
    assert convert(desk.workflow, desk.definitions).problems == []
    desk.undo()
    assert content(desk.workflow) == start


def test_adv_duplicate_ids_gives_the_second_node_a_free_id_and_no_links():
    desk = Desk(read_sample("adv_duplicate_ids"))
    first, second = desk.bound.nodes["2"], desk.bound.nodes["8"]

    assert first.widget("text").value == "a red fox"
    assert second.widget("text").value == "duplicate of 2"
    ends = {(link.origin, link.target) for link in desk.bound.links.values()}
    assert {("1", "2"), ("2", "5")} <= ends
    assert not any("8" in pair for pair in ends)
    assert [node["id"] for node in json.loads(content(desk.workflow))["nodes"]].count(2) == 2


def test_adv_huge_ids_stay_as_they_are():
    desk = Desk(read_sample("adv_huge_ids"))

    assert {"-7", "text-3", "9007199254740991"} < desk.bound.nodes.keys()
    prompt = _convert("adv_huge_ids", exact_ids=True).prompt
    assert prompt["5"]["inputs"]["positive"] == ["-7", 0]
    patch, key = edits.add_special_node(*desk.both, "Note", (0, 0))
    desk.do(patch)
    desk.do(edits.connect(*desk.both, "1", 0, "5", 0))
    ids = [node["id"] for node in json.loads(content(desk.workflow))["nodes"]]
    assert ids == [1, -7, "text-3", 9007199254740991, 5, 6, 7, int(key)]


def test_adv_widget_count_keeps_surplus_values_on_save():
    workflow = read_sample("adv_widget_count")
    sampler, latent = (_inputs("adv_widget_count", key) for key in ("5", "4"))

    assert latent == {"width": 640, "height": 480, "batch_size": 2}
    assert (sampler["steps"], sampler["cfg"], sampler["scheduler"]) == (20, 8, "simple")
    values = {n["id"]: n.get("widgets_values") for n in json.loads(content(workflow))["nodes"]}
    assert values[4] == [640, 480, 2, "extra", 99]
    assert (values[2], values[3], values[5]) == ([], None, [42, "fixed", 20])


def test_adv_widget_types_are_shown_without_changing_them():
    desk = Desk(read_sample("adv_widget_types"))
    sampler = [widget.value for widget in desk.bound.nodes["5"].widgets]

    assert sampler == ["not a number", True, 20.7, None, "no_such_sampler", {"a": 1}, [1, 2]]
    assert [widget.value for widget in desk.bound.nodes["4"].widgets] == [-5, 999999, "3"]
    inputs = _inputs("adv_widget_types", "5")
    assert inputs["denoise"] == {"__value__": [1, 2]}
    assert inputs["cfg"] is None
    assert json.loads(content(desk.workflow)) == raw_sample("adv_widget_types")


def test_adv_nan_reads_bare_tokens_as_null():
    raw = sample_path("adv_nan").read_text("utf-8")
    saved = json.loads(content(read_sample("adv_nan")))

    assert len(re.findall(r"(?<![\w\"])-?(?:NaN|Infinity)\b(?! stays)", raw)) >= 3
    assert _inputs("adv_nan", "5")["cfg"] is None
    assert "NaN stays text" in json.dumps(saved)
    assert json.dumps(saved, allow_nan=False)


def test_adv_deep_nesting_gives_one_node_with_31_parts_in_its_id():
    with _little_recursion():
        workflow = read_sample("adv_deep_nesting")
        prompt = convert(workflow, sample_definitions(), exact_ids=True).prompt
        saved = content(workflow)

    deep = [key for key in prompt if ":" in key]
    assert [key.count(":") for key in deep] == [30]
    assert json.loads(saved) == raw_sample("adv_deep_nesting")


def test_adv_recursive_subgraph_loads_marked_as_an_error_and_is_saved_whole():
    desk = Desk(read_sample("adv_recursive_subgraph"))
    message = "This subgraph contains itself, so it cannot run."

    assert desk.bound.nodes["2"].problem == message
    assert [p.message for p in _convert("adv_recursive_subgraph").problems] == [message]
    assert json.loads(content(desk.workflow)) == raw_sample("adv_recursive_subgraph")


def test_adv_subgraph_instances_keep_their_own_texts_and_are_equal_up_to_ids():
    exact = _convert("adv_subgraph_instances", exact_ids=True)
    plain = _convert("adv_subgraph_instances")

    names = {path: key for key, path in exact.sources.items()}
    renamed = {key: names[path] for key, path in plain.sources.items()}
    text = json.dumps(plain.prompt)
    moved = {
        renamed[key]: {
            **entry,
            "inputs": {
                name: [renamed[value[0]], value[1]] if isinstance(value, list) else value
                for name, value in entry["inputs"].items()
            },
        }
        for key, entry in json.loads(text).items()
    }
    assert moved == exact.prompt
    assert len(set(renamed.values())) == len(plain.prompt)
    texts = [e["inputs"]["text"] for e in exact.prompt.values() if "text" in e["inputs"]]
    assert len(set(texts)) == len(texts) > 2


def test_adv_subgraph_modes_hide_the_interior_of_root_hosts_alone():
    workflow = read_sample("adv_subgraph_modes")
    off = {key for key, node in workflow.root.nodes.items() if node.mode in (2, 4)}
    prompt = _convert("adv_subgraph_modes", exact_ids=True).prompt

    hosts = {key for key in off if workflow.root.nodes[key].type in workflow.subgraphs}
    assert hosts
    assert not any(key.split(":")[0] in off for key in prompt)
    assert any(key.count(":") > 1 for key in prompt)


def test_adv_bypass_mute_routes_by_type():
    prompt = _convert("adv_bypass_mute", exact_ids=True).prompt

    assert list(prompt) == ["1", "3", "7", "9", "10"]
    assert prompt["9"]["inputs"] == {"source": ["7", 0]}
    assert prompt["10"]["inputs"] == {"filename_prefix": "x"}
    assert prompt["7"]["inputs"]["model"] == ["1", 0]
    assert prompt["7"]["inputs"]["positive"] == ["3", 0]
    assert not {"negative", "latent_image"} & prompt["7"]["inputs"].keys()


def test_adv_proxy_widgets_take_the_values_of_the_host_and_keep_all_entries():
    workflow = read_sample("adv_proxy_widgets")
    prompt = _convert("adv_proxy_widgets", exact_ids=True).prompt

    assert prompt["2:70"]["inputs"]["text"] == "host text"
    assert prompt["2:71"]["inputs"]["sampler_name"] == "ddim"
    saved = {node["id"]: node for node in json.loads(content(workflow))["nodes"]}
    assert saved[2]["properties"]["proxyWidgets"] == [
        ["70", "text"], ["71", "sampler_name"], ["99", "gone"], ["70", "no_widget"],
    ]  # fmt: skip


def test_adv_primitive_to_host_sends_the_value_of_the_primitive():
    # The web editor sends "inner 1" (W-004); ARCHITECTURE.md names this difference.
    recorded = json.loads(sample_path("adv_primitive_to_host.prompt").read_text("utf-8"))
    assert recorded["2:10"]["inputs"]["text"] == "inner 1"
    recorded["2:10"]["inputs"]["text"] = "primitive value"

    prompt = _convert("adv_primitive_to_host", exact_ids=True).prompt

    assert prompt.keys() == recorded.keys()
    for key, entry in recorded.items():
        assert prompt[key]["class_type"] == entry["class_type"]
        assert prompt[key]["inputs"] == entry["inputs"]
    told = (_TESTS.parent / "ARCHITECTURE.md").read_text("utf-8")
    assert "A Primitive that feeds a subgraph reaches the widget inside" in told


def test_adv_primitives_fill_in_text_and_file_names():
    prompt = _convert("adv_primitives", exact_ids=True).prompt

    assert {int(key) for key in prompt} == set(range(1, 8))
    said = "seed is 1234567890123 a"
    assert [prompt[key]["inputs"]["text"] for key in "23"] == [said, said]
    assert (prompt["5"]["inputs"]["seed"], prompt["5"]["inputs"]["steps"]) == (1234567890123, 33)
    name = "512x512_euler_%Nope.x%_%width%_seed is 1234567890123 {a_b}"
    assert prompt["7"]["inputs"]["filename_prefix"] == name


def test_adv_dict_and_unknown_keeps_unknown_keys_at_every_level():
    raw = raw_sample("adv_dict_and_unknown")
    saved = json.loads(content(read_sample("adv_dict_and_unknown")))

    assert json.dumps(saved) == json.dumps(raw)
    assert _inputs("adv_dict_and_unknown", "4") == {"width": 768, "height": 640, "batch_size": 3}
    sampler = _inputs("adv_dict_and_unknown", "5")
    assert (sampler["seed"], sampler["steps"], sampler["denoise"]) == (7, 11, 0.5)


def test_adv_slot_order_links_by_name_and_keeps_the_removed_slot():
    desk = Desk(read_sample("adv_slot_order"))
    inputs = _inputs("adv_slot_order", "5")

    assert (inputs["model"], inputs["old_removed_input"]) == (["1", 0], ["1", 0])
    assert (inputs["positive"], inputs["negative"]) == (["2", 0], ["3", 0])
    shown = desk.bound.nodes["5"].inputs
    (place,) = [i for i, item in enumerate(shown) if item.name == "old_removed_input"]
    into = [(k, link.origin) for k, link in desk.bound.links.items() if link.target == "5"
            and link.target_input == place]  # fmt: skip
    assert into == [("40", "1")]


def test_adv_double_link_takes_the_first():
    assert _inputs("adv_double_link", "5")["positive"] == ["2", 0]
    saved = json.loads(content(read_sample("adv_double_link")))
    assert [link[0] for link in saved["links"]][-2:] == [60, 61]


def test_adv_reroutes_without_an_input_give_nothing():
    prompt = _convert("adv_reroutes", exact_ids=True).prompt
    samplers = [e["inputs"] for e in prompt.values() if e["class_type"] == "KSampler"]

    assert samplers
    assert all("negative" not in inputs for inputs in samplers)
    assert all({"model", "positive"} < inputs.keys() for inputs in samplers)
    assert "Reroute" not in {entry["class_type"] for entry in prompt.values()}
    raw = raw_sample("adv_reroutes")
    assert json.loads(content(read_sample("adv_reroutes"))) == raw


def test_adv_version1_gives_the_prompt_of_schema_0_4_and_stays_schema_1():
    raw = raw_sample("adv_version1")
    old = {**raw, "version": 0.4}
    old["links"] = [
        [link["id"], link["origin_id"], link["origin_slot"], link["target_id"],
         link["target_slot"], link["type"]]
        for link in raw["links"]
    ]  # fmt: skip

    same = convert(read_workflow(json.dumps(old)), sample_definitions())

    assert same.prompt == _convert("adv_version1").prompt
    desk = Desk(read_sample("adv_version1"))
    desk.do(edits.connect(*desk.both, "1", 0, "5", 0))
    saved = json.loads(content(desk.workflow))
    assert saved["version"] == 1
    assert all(isinstance(link, dict) for link in saved["links"])


def test_adv_5000_nodes_open_and_are_saved_without_recursion():
    path = sample_path("adv_5000_nodes").with_suffix(".json.gz")
    with _little_recursion():
        workflow = open_workflow(path)
        prompt = convert(workflow, sample_definitions()).prompt
        saved = content(workflow)

    assert len(prompt) == 5000 == len(json.loads(saved)["nodes"])


def test_the_readme_names_tests_for_every_hand_made_sample():
    rows = dict(
        re.findall(r"^\| (adv_\w+) \|.*\| ([^|]+) \|$", (DATA / "README.md").read_text(), re.M)
    )
    files = {path.name.split(".")[0] for path in (DATA / "open").glob("adv_*")}
    written = "".join(
        path.read_text("utf-8") for path in _TESTS.rglob("test_*.py") if path != Path(__file__)
    ) + Path(__file__).read_text("utf-8")

    assert rows.keys() == files
    for name, tests in rows.items():
        found = re.findall(r"`(test_\w+)`", tests)
        assert found, name
        assert [test for test in found if f"def {test}(" not in written] == [], name
