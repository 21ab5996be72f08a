"""The sample packs load unchanged and give what the reference gave (node-packs, (S))."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.engine import Engine
from app.engine.node_types.pack_report import (
    CHANGES_PROMPT,
    FAILED,
    LOADED,
    import_times,
    web_files,
)

DATA = Path(__file__).parents[2] / "data" / "packs"
CASES: dict[str, Any] = json.loads((DATA / "cases.json").read_text())
EXPECTED: dict[str, Any] = json.loads((DATA / "expected_outputs.json").read_text())
NODES: dict[str, Any] = json.loads((DATA / "expected_nodes.json").read_text())

IMPROVED = {"empty_list": "E-907: an empty list calls the node zero times instead of failing"}
"""Cases in which we differ from the reference on purpose; each has a test of its own."""

OWN_WORDS = {"SampleKeepPreview", "SampleSaveTwice"}
"""Nodes that inherit descriptions and tooltips from our core nodes, written in our words."""

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def engine(sample_home: Path) -> Iterator[Engine]:
    with Engine(sample_home) as made:
        made.load_packs()
        yield made


def report_of(engine: Engine, name: str) -> Any:
    return next(report for report in engine.pack_reports if report.name == name)


def run_case(
    engine: Engine, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[Any, Path]]:
    done = []
    for index, prompt in enumerate(CASES[name]["prompts"]):
        out = folder / str(index)
        monkeypatch.setenv("PROBE_OUT", str(out))
        done.append((engine.run(prompt), out))
    return done


def assert_same_tree(found: Any, expected: Any) -> None:
    """Compare what the recorder wrote; tensors by shape and type, their numbers elsewhere."""
    if isinstance(expected, dict) and "tensor" in expected:
        assert (found["shape"], found["dtype"]) == (expected["shape"], expected["dtype"])
    elif isinstance(expected, dict) and expected.get("type") == "float":
        assert found["type"] == "float"
        assert found["value"] == pytest.approx(expected["value"], abs=TOLERANCE)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same_tree(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same_tree(one, other)
    else:
        assert found == expected


def assert_same_status(result: Any, expected: str) -> None:
    if expected == "ok":
        assert (result.status, result.error) == ("success", None)
    elif expected.startswith("error: "):
        assert result.status == "error"
        assert result.is_valid
        assert result.error["node_type"] == expected.split()[1]
    else:
        assert not result.is_valid
        assert result.error["type"] == re.search(r'"type": "(\w+)"', expected)[1]
        problem = re.search(r'"node_errors": \{"(\w+)": \{"errors": \[\{"type": "(\w+)"', expected)
        if problem is not None:
            assert problem[2] in [each["type"] for each in result.node_errors[problem[1]]["errors"]]


@pytest.mark.parametrize("name", sorted(set(CASES) - set(IMPROVED) - {"clash"}))
def test_a_sample_case_gives_what_the_reference_gave(engine, name, tmp_path, monkeypatch):
    results = run_case(engine, name, tmp_path, monkeypatch)

    for index, (result, out) in enumerate(results):
        expected = EXPECTED[name][index]
        assert_same_status(result, expected["status"])
        written = {file.stem: file for file in out.glob("*.json")}
        assert written.keys() == expected["outputs"].keys()
        for record, tree in expected["outputs"].items():
            assert_same_tree(json.loads(written[record].read_text()), tree)
            golden = DATA / "golden" / f"{name}.{index}.{record}.npz"
            if golden.exists():
                found, wanted = np.load(out / f"{record}.npz"), np.load(golden)
                assert found.files == wanted.files
                for key in wanted.files:
                    np.testing.assert_allclose(found[key], wanted[key], rtol=0, atol=TOLERANCE)


def test_lanczos_matches_the_reference_exactly(engine, tmp_path, monkeypatch):
    [(_, out)] = run_case(engine, "scale_lanczos", tmp_path, monkeypatch)

    found = np.load(out / "whole.npz")["t0"]

    wanted = np.load(DATA / "golden" / "scale_lanczos.0.whole.npz")["t0"]
    np.testing.assert_array_equal(found, wanted)


def test_of_two_packs_with_one_id_the_later_wins(engine, tmp_path, monkeypatch):
    [(result, out)] = run_case(engine, "clash", tmp_path, monkeypatch)

    assert result.status == "success"
    value = json.loads((out / "t.json").read_text())["list"][0]["value"]
    assert value in ("one", "two")
    assert NODES["nodes"].keys() <= engine.registry.classes.keys()
    assert engine.object_info("SampleClash")["SampleClash"]["python_module"].endswith(value)


def test_e907_an_empty_list_calls_the_node_zero_times(engine, tmp_path, monkeypatch):
    [(result, out)] = run_case(engine, "empty_list", tmp_path, monkeypatch)

    assert result.status == "success"
    assert json.loads((out / "joined.json").read_text()) == {"list": [{"type": "str", "value": ""}]}


@pytest.mark.parametrize("name", sorted(set(NODES["nodes"]) - OWN_WORDS - {"SampleClash"}))
def test_a_sample_node_is_described_as_by_the_reference(engine, name):
    found = engine.object_info(name)[name]

    assert json.loads(json.dumps(found)) == NODES["nodes"][name]


@pytest.mark.parametrize("name", sorted(OWN_WORDS))
def test_a_node_derived_from_a_core_node_is_described_alike_but_for_its_words(engine, name):
    def without_words(info: dict[str, Any]) -> dict[str, Any]:
        kept = json.loads(json.dumps(info))
        kept.pop("description")
        kept.pop("search_aliases", None)
        for entry in kept["input"]["required"].values():
            if len(entry) > 1:
                entry[1].pop("tooltip", None)
                if not entry[1]:
                    entry.pop()
        return kept

    found = engine.object_info(name)[name]

    assert without_words(found) == without_words(NODES["nodes"][name])


def test_every_pack_that_can_work_is_loaded_and_the_others_are_reported_by_name(engine):
    status = {report.name: report.status for report in engine.pack_reports}

    assert {name for name, each in status.items() if each == FAILED} == {
        "broken_import",
        "no_mappings",
    }
    assert {name for name, each in status.items() if each == LOADED} == {
        "seed_abc", "single_file", "basics_v1", "host_api", "graph_v1", "v3_pack", "prestart",
        "clash_one", "clash_two", "core_clash", "probe",
    }  # fmt: skip


def test_a_missing_module_is_named_in_the_report(engine):
    report = report_of(engine, "broken_import")

    assert report.missing_module == "a_module_that_nobody_has"
    assert "a_module_that_nobody_has" in report.error
    assert "broken_import" in report.traceback


def test_a_pack_without_nodes_says_what_is_missing(engine):
    assert "NODE_CLASS_MAPPINGS" in report_of(engine, "no_mappings").error


def test_failed_packs_are_marked_in_the_table_of_times(engine):
    lines = import_times(engine.pack_reports).splitlines()

    failed = [line for line in lines if "(IMPORT FAILED)" in line]
    assert len(failed) == 2
    assert len(lines) == 1 + len(engine.pack_reports)


@pytest.mark.parametrize("name", ["clash_one", "clash_two"])
def test_a_clash_is_a_warning_that_names_both_packs(engine, name):
    [warning] = report_of(engine, name).warnings

    assert "clash_one" in warning
    assert "clash_two" in warning
    assert "SampleClash" in warning


def test_a_pack_renames_a_core_node_but_does_not_replace_it(engine):
    info = engine.object_info("ImageInvert")["ImageInvert"]

    assert info["display_name"] == NODES["core_display_name"]
    assert list(info["input"]["required"]) == ["image"]
    assert "ImageInvert" in report_of(engine, "core_clash").warnings[0]
    assert report_of(engine, "core_clash").nodes == ("SampleImpostor",)


def test_routes_of_a_pack_are_listed_in_its_report(engine):
    assert report_of(engine, "host_api").routes == ("GET /samples/hello",)
    assert report_of(engine, "probe").routes == ()


def test_a_route_of_a_pack_can_be_called_in_process(engine):
    import asyncio

    from server import PromptServer

    answer = asyncio.run(PromptServer.instance.handle("GET", "/samples/hello", None))

    assert json.loads(answer.text) == NODES["hello"]


def test_scripts_of_a_pack_are_reported_with_the_nodes_they_touch(engine):
    report = report_of(engine, "basics_v1")

    assert report.scripts == ("basics.js",)
    [hint] = report.script_hints
    assert (hint.node, hint.effects, hint.files) == (
        "SampleHidden", ("shows results",), ("basics.js",)
    )  # fmt: skip
    assert CHANGES_PROMPT not in hint.effects


def test_script_addresses_are_those_of_the_reference(engine):
    import nodes

    assert web_files(nodes.EXTENSION_WEB_DIRS.items()) == NODES["extensions"]


def test_e741_the_registry_is_the_dict_that_packs_see(engine):
    import nodes

    assert nodes.NODE_CLASS_MAPPINGS is engine.registry.classes
    assert nodes.NODE_DISPLAY_NAME_MAPPINGS is engine.registry.display_names
    assert nodes.LOADED_MODULE_DIRS["basics_v1"].endswith("basics_v1")


def test_a_message_of_a_pack_reaches_the_listeners(engine, tmp_path, monkeypatch):
    seen: list[Any] = []
    unsubscribe = engine.subscribe(seen.append)

    # Another sampler, so that the node is not served from the cache of an earlier case.
    prompt = json.loads(json.dumps(CASES["facts"]["prompts"][0]))
    prompt["1"]["inputs"]["sampler"] = "heun"
    monkeypatch.setenv("PROBE_OUT", str(tmp_path))
    engine.run(prompt)
    unsubscribe()

    [message] = [event for event in seen if getattr(event, "event", "") == "samples.note"]
    assert message.data == {"facts": 14}
