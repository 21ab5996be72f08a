"""With strict_reference=True the sample packs give the reference's answers, quirks and all."""

from __future__ import annotations

import json

import pytest
from test_compat_sample_packs import (
    CASES,
    EXPECTED,
    assert_same_status,
    assert_same_tree,
    run_case,
)

from app.engine.engine import Engine


@pytest.fixture(scope="module")
def engine(sample_home):
    with Engine(sample_home, strict_reference=True) as made:
        made.load_packs()
        yield made


@pytest.mark.parametrize("name", sorted(set(CASES) - {"clash"}))
def test_e900_a_sample_case_gives_what_the_reference_gave(engine, name, tmp_path, monkeypatch):
    for index, (result, out) in enumerate(run_case(engine, name, tmp_path, monkeypatch)):
        expected = EXPECTED[name][index]
        assert_same_status(result, expected["status"])
        written = {file.stem: file for file in out.glob("*.json")}
        assert written.keys() == expected["outputs"].keys()
        for record, tree in expected["outputs"].items():
            assert_same_tree(json.loads(written[record].read_text()), tree)
