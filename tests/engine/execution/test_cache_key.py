"""What makes two nodes equal (rules E-401 to E-405, E-950, E-951)."""

import pytest

from app.engine.execution.cache_key import (
    KeyTable,
    SourceWithoutKey,
    is_same_value,
    topological,
)


@pytest.fixture
def table():
    table = KeyTable()
    table.begin(1, lambda: 0)
    return table


def key(table, value, **options):
    return table.key("T", {"x": value}, {"s": 7, "t": 8}, **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0), (1, True), (0, False), (1, "1"), (None, "None"), (0.0, -0.0),
        ([1], [True]), ([1, 2], [2, 1]), ({"a": 1}, {"a": 1.0}), ({}, []), ("", None),
        (["s", 0], ["s", 1]), (["s", 0], ["t", 0]), (["s", 0], ["s", "0"]),
        (["s", 0], "s"), ([7, 0], ["s", 0]), ([["a"], "b"], ["a", ["b"]]),
    ],
)  # fmt: skip
def test_e951_values_that_differ_have_different_keys(table, one, other):
    assert key(table, one) != key(table, other)


@pytest.mark.parametrize(
    "value",
    [1, 1.5, True, None, "text", [1, "a"], {"b": [2], "a": {}}, ["s", 0], [10**5000], b"x"],
)
def test_e401_equal_values_have_equal_keys(table, value):
    import copy

    assert key(table, value) == key(table, copy.deepcopy(value))


def test_e405_mappings_do_not_depend_on_their_order(table):
    assert key(table, {"a": 1, "b": 2}) == key(table, {"b": 2, "a": 1})


@pytest.mark.parametrize("value", [float("nan"), object(), {1: 2}, [float("nan")]])
def test_e405_some_values_equal_nothing(table, value):
    assert key(table, value) != key(table, value)


def test_a_source_without_a_key_is_told(table):
    with pytest.raises(SourceWithoutKey):
        key(table, ["missing", 0])


def test_e405_a_value_nested_beyond_reason_equals_nothing(table):
    value = []
    for _ in range(500):
        value = [value]

    assert key(table, value) != key(table, value)


def test_e405_the_order_of_inputs_does_not_count(table):
    one = table.key("T", {"a": 1, "b": 2}, {})

    assert table.key("T", {"b": 2, "a": 1}, {}) == one


def test_e401_names_and_classes_count(table):
    keys = {
        table.key("T", {"a": 1}, {}),
        table.key("U", {"a": 1}, {}),
        table.key("T", {"b": 1}, {}),
        table.key("T", {}, {}),
        table.key("T", {"a": 1}, {}, node_id="4"),
        table.key("T", {"a": 1}, {}, is_changed=[1]),
        table.key("T", {"a": 1}, {}, is_changed=["a"]),
    }

    assert len(keys) == 7


def test_e406_a_change_mark_of_nan_equals_nothing(table):
    mark = [float("nan")]

    assert key(table, 1, is_changed=mark) != key(table, 1, is_changed=mark)


def test_e916_display_inputs_do_not_count(table):
    assert table.key("T", {"a": 1, "$$p": 2}, {}) == table.key("T", {"a": 1}, {})


def test_what_was_forgotten_never_comes_back_as_another_key(table):
    first = key(table, 1)
    for generation in range(2, 5):
        table.begin(generation, lambda generation=generation: generation - 1)
        for number in range(5000):
            key(table, 1000 * generation + number)

    assert key(table, 1) != first
    assert len(table) < 25_000


def test_keys_of_kept_prompts_are_not_forgotten(table):
    first = key(table, 1)
    for generation in range(2, 5):
        table.begin(generation, lambda: 1)
        for number in range(5000):
            key(table, 10_000 * generation + number)

    assert key(table, 1) == first


def test_same_value_takes_identity_for_what_cannot_be_compared():
    thing, nan = object(), float("nan")

    assert is_same_value(thing, thing)
    assert not is_same_value(thing, object())
    assert is_same_value(nan, nan)
    assert not is_same_value(float("nan"), float("nan"))
    assert not is_same_value(1, True)


def test_topological_puts_sources_first():
    links = {"c": ["b", "a"], "b": ["a"], "a": [], "d": ["x"]}

    order = topological(links, {"x": 1})

    assert order == ["a", "b", "c", "d"]


def test_topological_ends_on_a_ring():
    assert sorted(topological({"a": ["b"], "b": ["a"]}, {})) == ["a", "b"]


def test_e901_topological_does_not_recurse():
    links = {str(number): [str(number + 1)] for number in range(100_000)}

    assert topological(links, {})[0] == "99999"
