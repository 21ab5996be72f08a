"""Random graphs mean the same to the engine and to a plain evaluator."""

import asyncio
import itertools
import os
import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_nodes import add_class, node

from app.engine import Engine
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.finishing import finish_later
from app.engine.execution.interrupts import stop_control

BLOCK = "blocked"
KINDS = ("Number", "Sum", "Range", "Total", "Door", "Choose", "Loop")


def classes():
    from sample_nodes import Add, Pick, Repeat, Show, Value

    numbers = node({"count": ("INT", {})}, returns=("*",), OUTPUT_IS_LIST=(True,))
    total = node({"values": ("*",)}, returns=("*",), INPUT_IS_LIST=True)
    door = node({"value": ("*",), "open": ("BOOLEAN", {})}, returns=("*",))
    return {
        "Number": Value, "Sum": Add, "Add": Add, "Choose": Pick, "Loop": Repeat, "Show": Show,
        "Range": numbers(lambda self, count: (list(range(count)),)),
        "Total": total(lambda self, values: (sum(values),)),
        "Door": door(lambda self, value, open: (value if open else ExecutionBlocker(None),)),
    }  # fmt: skip


@st.composite
def prompts(draw):
    size = draw(st.integers(1, 60))
    prompt = {}
    for number in range(size):
        kind = draw(st.sampled_from(KINDS if number else ("Number", "Range")))
        link = st.builds(lambda source: [str(source), 0], st.integers(0, max(0, number - 1)))
        small = st.integers(0, 3)
        inputs = {
            "Number": {"value": small},
            "Sum": {"a": link, "b": link | small},
            "Range": {"count": small},
            "Total": {"values": link},
            "Door": {"value": link, "open": st.booleans()},
            "Choose": {"which": st.booleans(), "yes": link, "no": link},
            "Loop": {"start": link, "steps": small},
        }[kind]
        prompt[str(number)] = {
            "class_type": kind,
            "inputs": {name: draw(value) for name, value in inputs.items()},
        }
    for number in draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=6)):
        prompt[f"out{number}"] = {"class_type": "Show", "inputs": {"value": [str(number), 0]}}
    return prompt


def evaluate(prompt):
    """Return the list each node gives; as simple as it can be written."""
    values = {}
    for node_id, each in prompt.items():
        inputs = {
            name: values[value[0]] if isinstance(value, list) else [value]
            for name, value in each["inputs"].items()
        }
        values[node_id] = RULES[each["class_type"]](**inputs)
    return values


def mapped(function):
    def rule(**inputs):
        if not all(inputs.values()):
            return []
        count = max(map(len, inputs.values()))
        calls = [
            {name: values[min(i, len(values) - 1)] for name, values in inputs.items()}
            for i in range(count)
        ]
        return [BLOCK if BLOCK in call.values() else function(**call) for call in calls]

    return rule


RULES = {
    "Number": lambda value: value,
    "Sum": mapped(lambda a, b: a + b),
    "Range": lambda count: list(range(count[0])),
    "Total": lambda values: [BLOCK if BLOCK in values else sum(values)],
    "Door": mapped(lambda value, open: value if open else BLOCK),
    "Choose": lambda which, yes, no: yes if which[0] else no,
    "Loop": lambda start, steps: [v if v == BLOCK else v + sum(range(steps[0])) for v in start],
    "Show": lambda value: value,
    "Work": lambda value: value,
    "Sleep": lambda value: value,
    "Save": lambda value: value,
}


def shown(prompt):
    """Return the ui outputs that a prompt must give."""
    values = evaluate(prompt)
    return {
        node_id: {"value": values[node_id]}
        for node_id, each in prompt.items()
        if each["class_type"] == "Show" and BLOCK not in values[node_id] and values[node_id]
    }


@pytest.fixture(scope="module", params=["classic", "lru:200", "none", "ram:0.001"])
def engine(request, tmp_path_factory):
    with Engine(tmp_path_factory.mktemp("home"), cache=request.param) as engine:
        engine.registry.classes.update(classes())
        engine.keeps = request.param != "none"
        yield engine


def outputs(result):
    """Return ui outputs; an empty list shows nothing."""
    return {key: ui for key, ui in result.outputs.items() if ui["value"]}


FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(prompts())
def test_a_random_graph_gives_what_a_plain_evaluator_gives(engine, prompt):
    result = engine.run(prompt)

    assert (result.status, result.error) == ("success", None)
    assert outputs(result) == shown(prompt)


@FEW
@given(prompts())
def test_running_again_executes_nothing(engine, prompt):
    engine.run(prompt)

    again = engine.run(prompt)

    assert outputs(again) == shown(prompt)
    if engine.keeps:
        assert again.executed == []


@FEW
@given(prompts(), st.data())
def test_a_changed_constant_runs_only_what_depends_on_it(engine, prompt, data):
    engine.run(prompt)
    places = [
        (node_id, name)
        for node_id, each in prompt.items()
        for name, value in each["inputs"].items()
        if not isinstance(value, list)
    ]
    changed, name = data.draw(st.sampled_from(places))
    value = prompt[changed]["inputs"][name]
    prompt[changed]["inputs"][name] = not value if isinstance(value, bool) else value + 1

    result = engine.run(prompt)

    assert outputs(result) == shown(prompt)
    if engine.keeps:
        # Flipping a lazy choice may need a branch that never ran before.
        allowed = set(prompt) if "Choose" in kinds(prompt) else descendants(prompt, changed)
        assert {each.split(".")[0] for each in result.executed} <= allowed


def kinds(prompt):
    return {each["class_type"] for each in prompt.values()}


def descendants(prompt, root):
    found = {root}
    for node_id, each in prompt.items():
        if any(isinstance(v, list) and v[0] in found for v in each["inputs"].values()):
            found.add(node_id)
    return found


@st.composite
def salted_prompts(draw):
    """Graphs of pure nodes in which no two nodes are equal, so none stands for another."""
    size = draw(st.integers(1, 60))
    prompt = {}
    for number in range(size):
        inputs = {"salt": number}
        for name in draw(st.sets(st.sampled_from("abc"), max_size=3)) if number else ():
            inputs[name] = [str(draw(st.integers(0, number - 1))), draw(st.integers(0, 1))]
        prompt[str(number)] = {"class_type": "Salted", "inputs": inputs}
    for number in draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=4)):
        inputs = {"value": [str(number), 0]}
        prompt[f"out{number}"] = {"class_type": "Show", "inputs": inputs}
    return prompt


salts = itertools.count(0, 10_000)
"""So that no example finds results of an earlier one."""


def upstream(prompt, starts):
    found, stack = set(), list(starts)
    while stack:
        node_id = stack.pop()
        if node_id not in found:
            found.add(node_id)
            stack += [v[0] for v in prompt[node_id]["inputs"].values() if isinstance(v, list)]
    return found


@FEW
@given(salted_prompts(), st.data())
def test_a_changed_constant_runs_every_needed_descendant_and_nothing_else(engine, prompt, data):
    def run(self, salt, a=0, b=0, c=0):
        return (salt * 31 + a + 2 * b + 3 * c, salt)

    optional = dict.fromkeys("abc", ("*",))
    add_class(engine, "Salted", node({"salt": ("INT",)}, optional, returns=("*", "*"))(run))
    fresh = next(salts)
    for each in prompt.values():
        if "salt" in each["inputs"]:
            each["inputs"]["salt"] += fresh
    engine.run(prompt)
    changed = data.draw(st.sampled_from([each for each in prompt if not each.startswith("out")]))
    prompt[changed]["inputs"]["salt"] += 1000

    result = engine.run(prompt)

    needed = upstream(prompt, [each for each in prompt if each.startswith("out")])
    expected = descendants(prompt, changed) & needed if engine.keeps else needed
    assert sorted(result.executed) == sorted(expected)


INTERRUPTS = int(os.environ.get("EASEL_RANDOM_INTERRUPTS", "160"))
"""How many random interrupts there are over all kinds of cache; 1,000 take two minutes."""


def test_random_interrupts_leave_the_engine_idle_and_correct(engine):
    def work(self, value):
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass
        return (value,)

    async def sleep(self, value):
        await asyncio.sleep(0.002)
        return (value,)

    def save(self, value):
        finish_later(lambda: time.sleep(0.002))
        return (value,)

    one = {"value": ("*",)}
    always = {"returns": ("*",), "NOT_IDEMPOTENT": True}
    add_class(engine, "Work", node(one, **always)(work))
    add_class(engine, "Sleep", node(one, **always)(sleep))
    add_class(engine, "Save", node(one, **always, FINISHES_LATER=True)(save))
    chance = random.Random(5)
    statuses = set()
    for seed in range(INTERRUPTS // 4):
        prompt = {"0": {"class_type": "Number", "inputs": {"value": seed}}}
        for number in range(1, 7):
            kind = chance.choice(["Work", "Work", "Sleep", "Save", "Loop"])
            source = [str(number - 1), 0]
            inputs = {"start": source, "steps": 2} if kind == "Loop" else {"value": source}
            prompt[str(number)] = {"class_type": kind, "inputs": inputs}
        prompt["out"] = {"class_type": "Show", "inputs": {"value": ["6", 0]}}
        timer = threading.Timer(chance.uniform(0, 0.02), engine.interrupt)
        timer.start()
        statuses.add(engine.run(prompt).status)
        timer.join()
        finished = engine.run(prompt)
        assert (finished.status, finished.outputs) == ("success", {"out": shown(prompt)["out"]})

    assert "interrupted" in statuses
    assert engine.queue.remaining == 0
    assert not stop_control.requested
    assert not [t for t in threading.enumerate() if t.name.startswith("easel-f")]
