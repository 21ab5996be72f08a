"""Every rule of the engine has a test, or a reason why it has none (docs/engine-rules.md)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IDS = (ROOT / "tests" / "data" / "engine_rules" / "ids.txt").read_text().split()
PAGE = (ROOT / "docs" / "engine-rules.md").read_text(encoding="utf-8")
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"^\| (E-\d{3}[a-z]?) \| (.+) \|$", PAGE, re.MULTILINE)
}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
}


def test_the_page_has_a_row_for_every_rule_and_no_other():
    assert sorted(ROWS) == sorted(IDS)
    assert len(IDS) == len(set(IDS)) == 296


@pytest.mark.parametrize("rule", IDS)
def test_a_rule_names_tests_that_exist_or_a_reason(rule):
    named = re.findall(r"`(test_\w+)`", ROWS[rule])

    if named:
        assert set(named) <= TESTS
    else:
        assert len(ROWS[rule]) > 20, "a rule without a test needs a reason"


def test_names_that_carry_a_rule_carry_a_known_one():
    carried = {
        f"E-{number}"
        for name in TESTS
        for number in re.findall(r"(?<![a-z0-9])e(\d{3}[a-z]?)(?=_|$)", name)
    }

    assert carried <= set(IDS)
