"""Two published packs work unchanged. Opt-in: EASEL_PIP_PACKS=1 fetches them with pip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_compat_sample_packs import TOLERANCE, assert_same_status, assert_same_tree

from app.engine.engine import Engine
from app.engine.node_types.pack_report import FAILED

pytestmark = pytest.mark.skipif(
    os.environ.get("EASEL_PIP_PACKS") != "1", reason="fetches packs; set EASEL_PIP_PACKS=1"
)

DATA = Path(__file__).parents[2] / "data" / "packs"
PIP = DATA / "pip_packs"
WHEELS = ("comfyui-ib-customnodes==0.2.3", "comfyui-tooling-nodes==0.1.0")
CASES = json.loads((PIP / "cases.json").read_text())
EXPECTED = json.loads((PIP / "expected_outputs.json").read_text())
NODES = json.loads((PIP / "expected_nodes.json").read_text())


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    packs = home / "custom_nodes"
    shutil.copytree(DATA / "custom_nodes" / "probe", packs / "probe")
    install = ["install", "--quiet", "--no-deps", "--target", str(packs), *WHEELS]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=300)
    for leftover in packs.glob("*.dist-info"):
        shutil.rmtree(leftover)
    with Engine(home) as made:
        made.load_packs()
        yield made


def test_both_packs_load(engine):
    assert [report.name for report in engine.pack_reports if report.status == FAILED] == []
    assert NODES.keys() <= engine.registry.classes.keys()


@pytest.mark.parametrize("name", sorted(NODES))
def test_a_published_node_is_described_as_by_the_reference(engine, name):
    found = json.loads(json.dumps(engine.object_info(name)[name]))

    assert found == NODES[name]


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_case_of_a_published_pack_gives_what_the_reference_gave(
    engine, name, tmp_path, monkeypatch
):
    for index, prompt in enumerate(CASES[name]["prompts"]):
        out = tmp_path / str(index)
        monkeypatch.setenv("PROBE_OUT", str(out))
        result = engine.run(prompt)
        expected = EXPECTED[name][index]
        assert_same_status(result, expected["status"])
        written = {file.stem: file for file in out.glob("*.json")}
        assert written.keys() == expected["outputs"].keys()
        for record, tree in expected["outputs"].items():
            assert_same_tree(json.loads(written[record].read_text()), tree)
            golden = PIP / "golden" / f"{name}.{index}.{record}.npz"
            if golden.exists():
                found, wanted = np.load(out / f"{record}.npz"), np.load(golden)
                for key in wanted.files:
                    np.testing.assert_allclose(found[key], wanted[key], rtol=0, atol=TOLERANCE)
