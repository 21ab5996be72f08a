"""Mutated real files open or are refused with a sentence, soon, and never with anything else.

The suite tries 600 mutations. All 10,000 of the acceptance, each within 2 s and all of them within
1 GB, take one command: ``EASEL_FUZZ=10000 python -m pytest tests/engine/workflow/test_fuzz.py``.
"""

from __future__ import annotations

import functools
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable

import media_files as media
import pytest
from workflow_tools import content, sample_definitions, sample_names, sample_path

from app.engine.errors import WorkflowFileError
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.diff import diff_workflows
from app.engine.workflow.model import Workflow
from app.engine.workflow.reader import open_workflow, read_workflow
from app.engine.workflow.requirements import missing_models, missing_node_types
from app.engine.workflow.to_prompt import convert

_COUNT = int(os.environ.get("EASEL_FUZZ", "600"))
_PARTS = 20
_MOST_SECONDS = 2.0
_MOST_BYTES = 1 << 30
_LARGEST_SAMPLE = 150_000

_NUMBERS = (b"-1", b"0", b"1e309", b"9" * 30, b"NaN", b"-0.0", b"1e-400", b"2147483648")
_VALUES = (
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"*"',
    b"[[[]]]",
    b'{"0":1,"length":1}',
    b'"-10"',
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_SIMPLE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null')


@functools.cache
def _originals() -> tuple[bytes, ...]:
    """Return real files: samples, prompts, and every container with a real workflow inside."""
    texts = []
    for name in sample_names():
        path = sample_path(name)
        data = path.read_bytes()
        if len(data) > _LARGEST_SAMPLE:
            continue
        texts.append(data)
        prompt = path.with_name(f"{name}.prompt.json")
        if prompt.exists():
            texts.append(prompt.read_bytes())
    inside = {
        "prompt": sample_path("adv_reroutes").with_suffix(".prompt.json").read_text("utf-8"),
        "workflow": json.dumps(json.loads(sample_path("adv_reroutes").read_bytes())),
    }
    return (*texts, *(make(inside) for make in media.MAKERS.values()))


def _replace(
    data: bytearray, pattern: re.Pattern[bytes], chance: random.Random, new: bytes
) -> None:
    """Replace the first match behind a random place."""
    found = pattern.search(data, chance.randrange(len(data)))
    if found is not None:
        data[found.start() : found.end()] = new


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set_byte(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] = chance.choice((0, 0xFF, 0x7F, 0x80, 0x22, 0x7B, 0x5D))


def _cut_out(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 4, 30, 1000))]


def _cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.choice((1, 8, 200))] * chance.choice((1, 3, 50))


def _splice(data: bytearray, chance: random.Random) -> None:
    other = chance.choice(_originals())
    at, start = chance.randrange(len(data)), chance.randrange(len(other))
    data[at:at] = other[start : start + chance.choice((10, 300, 5000))]


def _change_number(data: bytearray, chance: random.Random) -> None:
    _replace(data, _NUMBER, chance, chance.choice(_NUMBERS))


def _change_value(data: bytearray, chance: random.Random) -> None:
    _replace(data, _SIMPLE, chance, chance.choice((*_VALUES, *_NUMBERS)))


def _change_length(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    value = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data), chance.randrange(1 << 32)))
    data[at : at + 4] = value.to_bytes(4, chance.choice(("big", "little")))


_MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _set_byte, _cut_out, _cut_off, _repeat, _splice, _change_number, _change_value,
    _change_value, _change_length,
)  # fmt: skip


def _mutate(seed: int) -> bytes:
    chance = random.Random(seed)
    data = bytearray(chance.choice(_originals()))
    for _ in range(chance.choice((1, 1, 2, 4, 12))):
        if data:
            chance.choice(_MUTATIONS)(data, chance)
    return bytes(data)


def _use(workflow: Workflow) -> None:
    """Do what opening a tab and running it does, and see that the document stays as it was."""
    before = content(workflow)
    for graph in workflow.graphs():
        bind_graph(workflow, graph, sample_definitions())
    convert(workflow, sample_definitions(), first_choice=True)
    missing_node_types(workflow, sample_definitions())
    missing_models(workflow, lambda kind: ())
    again = read_workflow(before)
    assert content(workflow) == before == content(again)
    assert diff_workflows(workflow, again, sample_definitions()).is_same


def _try(seed: int) -> str:
    """Return what went wrong with one mutation; empty when nothing did."""
    data = _mutate(seed)
    begin = time.process_time()
    try:
        workflow = read_workflow(data, name="f")
    except WorkflowFileError as error:
        took = time.process_time() - begin
        if took > _MOST_SECONDS:
            return f"seed {seed}: refused after {took:.1f} s"
        return "" if str(error).startswith('Cannot open "f": ') else f"seed {seed}: says {error}"
    took = time.process_time() - begin
    if took > _MOST_SECONDS:
        return f"seed {seed}: opened after {took:.1f} s"
    try:
        _use(workflow)
    except Exception as error:  # noqa: BLE001 - whatever escapes is what this test looks for
        return f"seed {seed}: {type(error).__name__}: {error}"
    return ""


def _peak_bytes() -> int:
    """Return the most memory that this process ever took; 0 where that is not measured."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("part", range(_PARTS))
def test_mutated_files_open_or_are_refused_with_a_sentence(part):
    _originals()
    before = _peak_bytes()

    problems = [problem for seed in range(part, _COUNT, _PARTS) if (problem := _try(seed))]

    assert problems == []
    assert _peak_bytes() - before < _MOST_BYTES


def test_mutations_are_neither_all_refused_nor_all_opened():
    opened = 0
    for seed in range(60):
        try:
            read_workflow(_mutate(seed))
        except WorkflowFileError:
            continue
        opened += 1

    assert 6 < opened < 54


def test_a_mutated_file_on_disk_behaves_as_in_memory(tmp_path):
    for seed in range(40):
        data = _mutate(seed)
        path = tmp_path / f"f{seed}.bin"
        path.write_bytes(data)
        results = []
        for read in (functools.partial(read_workflow, data, name=path.name),
                     functools.partial(open_workflow, path)):  # fmt: skip
            try:
                results.append(content(read()))
            except WorkflowFileError as error:
                results.append(str(error))

        assert _without_fresh_id(results[0]) == _without_fresh_id(results[1])


def _without_fresh_id(result: bytes | str) -> bytes | str:
    """Blank the id that a workflow made of a prompt gets."""
    return re.sub(rb'^{"id":"[^"]*"', b"{", result) if isinstance(result, bytes) else result
