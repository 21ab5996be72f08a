"""The prompt graph: links, ancestry, order and cycles (rules E-001 to E-006, E-901).

A prompt is the plain dict that came from JSON: node id -> ``{"class_type", "inputs", ...}``.
Nothing here recurses, so chains may be as long as memory allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

DISPLAY_PREFIX: Final = "$$"
"""Inputs that newer editors add for display; the engine does not see them (E-916)."""

Prompt = Mapping[str, Mapping[str, Any]]


def is_link(value: object) -> bool:
    """Tell whether an input value is a link ``[node id, slot]`` (E-003).

    The first item must be a string and the second a number, bool included; tuples are not
    links.
    """
    return (
        isinstance(value, list)
        and len(value) == 2
        and (type(value[0]) is str or isinstance(value[0], str))
        and (type(value[1]) is int or isinstance(value[1], (int, float)))
    )


def links_of(node: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield ``(input name, source id, slot)`` of each link of a node, in prompt order.

    Display inputs are left out (E-916); a node without ``inputs`` has no links.
    """
    inputs = node.get("inputs")
    if not isinstance(inputs, Mapping):
        return
    for name, value in inputs.items():
        if is_link(value) and not name.startswith(DISPLAY_PREFIX):
            yield name, value[0], value[1]


def sources_of(node: Any) -> list[str]:
    """Return the ids of the nodes that feed a node, in input order; repeats are kept."""
    # The loop of links_of, written out: it runs once for every node of every prompt.
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if not isinstance(inputs, dict):
        return []
    found = []
    for name, value in inputs.items():
        if isinstance(value, list) and is_link(value) and not name.startswith(DISPLAY_PREFIX):
            found.append(value[0])
    return found


def is_in_order(prompt: Prompt) -> bool:
    """Tell whether every node is written after the nodes that feed it, so there is no cycle.

    Most prompts are. A prompt with an oddity in it counts as not in order.
    """
    seen: set[str] = set()
    try:
        for node_id, node in prompt.items():
            for value in node["inputs"].values():
                if (
                    isinstance(value, list)
                    and value
                    and value[0] not in seen
                    and value[0] in prompt
                ):
                    return False
            seen.add(node_id)
    except (AttributeError, KeyError, TypeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Ancestry:
    """Some nodes with everything upstream of them.

    Attributes:
        order: Their ids, sources before consumers; each once.
        cycles: Cycles met on the way, each as its ids along the links (a node comes after
            one that feeds it). No node stands in two of them, and every tangle of cycles has
            at least one here. Empty when ``order`` is a true topological order.
    """

    order: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...]


def ancestry(prompt: Prompt, starts: Iterable[str]) -> Ancestry:
    """Sort ``starts`` and all their ancestors, sources first.

    Links to ids that the prompt does not have are passed over. The order depends only on
    the order of ``starts`` and of the inputs, never on hashes (E-902).
    """
    order: list[str] = []
    cycles: list[tuple[str, ...]] = []
    open_at: dict[str, int] = {}
    path: list[str] = []
    branches: list[Iterator[str]] = []
    seen: set[str] = set()
    tangled: set[str] = set()
    for start in starts:
        if start in seen or start not in prompt:
            continue
        seen.add(start)
        open_at[start] = len(path)
        path.append(start)
        branches.append(iter(sources_of(prompt[start])))
        while path:
            for source in branches[-1]:
                if source not in seen:
                    if source in prompt:
                        seen.add(source)
                        open_at[source] = len(path)
                        path.append(source)
                        branches.append(iter(sources_of(prompt[source])))
                        break
                elif source in open_at and source not in tangled and path[-1] not in tangled:
                    # The path runs against the links, so the cycle along them is its reverse.
                    cycle = tuple(reversed(path[open_at[source] :]))
                    if tangled.isdisjoint(cycle):
                        cycles.append(cycle)
                        tangled.update(cycle)
            else:
                branches.pop()
                done = path.pop()
                del open_at[done]
                order.append(done)
    return Ancestry(tuple(order), tuple(cycles))


def find_cycle(prompt: Prompt, starts: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the ids of one cycle upstream of ``starts`` (default: anywhere), or ``()``."""
    cycles = ancestry(prompt, prompt if starts is None else starts).cycles
    return cycles[0] if cycles else ()


def consumers(prompt: Prompt, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each source, the nodes among ``ids`` that it feeds, in the order of ``ids``."""
    found: dict[str, list[str]] = {}
    for node_id in ids:
        for source in dict.fromkeys(sources_of(prompt[node_id])):
            found.setdefault(source, []).append(node_id)
    return found
