"""Sample workflows that cannot run: the command says why, and nothing is queued."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.headless import run_command

_SAMPLES = Path(__file__).parents[1] / "data" / "workflows" / "open"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("adv_missing_fields_b", 2, 'The node type "Nope" is not installed.'),
        ("adv_missing_fields", 2, 'The node type "Nope" is not installed.'),
        ("adv_bypass_cycle", 2, '"adv_bypass_cycle.json" cannot run. '),
        ("adv_recursive_subgraph", 2, "This subgraph contains itself, so it cannot run."),
        ("adv_cycle", 2, "cycle"),
    ],
)
def test_a_sample_that_cannot_run_is_refused_in_words(home, capsys, name, code, words):
    path = str(_SAMPLES / f"{name}.json")

    assert run_command(["run", path, "--base-dir", str(home)]) == code

    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""
