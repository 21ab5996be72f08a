"""Turns what the engine reports into words for an artist: what happened, where, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")
_OUT_OF_MEMORY_WORDS = "there was not enough memory for this"
"""The engine's words for errors that torch raises under other names."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A problem in words.

    Attributes:
        title: Cause in two or three words.
        heading: One line that names node and cause.
        text: One or two sentences: what happened and what can be done.
        short: A few words for the strip under the node.
        input_name: The input at fault, or empty.
        frees_memory: Freeing memory and running again may help.
    """

    title: str
    heading: str
    text: str
    short: str
    input_name: str = ""
    frees_memory: bool = False


def explain_input_error(error: Mapping[str, Any], node_title: str) -> Explanation:
    """Explain one entry of ``node_errors`` (rules E-109 to E-123)."""
    kind = str(error.get("type", ""))
    info = error.get("extra_info") or {}
    name = str(info.get("input_name") or "")
    value = info.get("received_value")
    details = str(error.get("details") or "")
    title, heading, text = _INPUT_ERRORS.get(kind, _OTHER)
    words = {
        "node": node_title,
        "input": name,
        "value": _short(value),
        "wanted": _wanted_type(info),
        "received": str(info.get("received_type") or ""),
        "bound": _bound(kind, info),
        "message": str(error.get("message") or "").rstrip("."),
        "details": details,
        "reason": _sentence(details.removeprefix(name).removeprefix(" - ")),
    }
    return Explanation(
        title=title.format(**words),
        heading=heading.format(**words),
        text=text.format(**words).strip(),
        short=title.format(**words),
        input_name=name,
    )


def explain_prompt_error(error: Mapping[str, Any]) -> Explanation:
    """Explain an overall error, for which no single node is to blame (E-101 to E-106)."""
    kind = str(error.get("type", ""))
    if kind == "prompt_no_outputs":
        return Explanation(
            "Nothing to make",
            "The workflow has no output",
            "Add a node that keeps a result, such as Save Image or Preview Image, and link it.",
            "No output",
        )
    message = str(error.get("message") or "The workflow cannot run").rstrip(".")
    return Explanation(
        "Cannot run", message, str(error.get("details") or ""), message, frees_memory=False
    )


def explain_execution_error(payload: Mapping[str, Any], node_title: str) -> Explanation:
    """Explain the payload of ``execution_error`` (E-350, E-322)."""
    kind = str(payload.get("exception_type") or "Exception").rsplit(".", 1)[-1]
    message = " ".join(str(payload.get("exception_message") or "").split())
    kept = "Nothing was lost: earlier nodes are kept, so the next run starts here."
    if kind in _OUT_OF_MEMORY or _OUT_OF_MEMORY_WORDS in message.lower():
        return Explanation(
            "Out of memory",
            f"{node_title} ran out of memory",
            f"{_sentence(message)} {kept}",
            "Out of memory",
            frees_memory=True,
        )
    if kind == "ExecutionBlocked":
        said = message.removeprefix("Execution Blocked:").strip()
        return Explanation("Blocked", f"{node_title} was blocked", _sentence(said), "Blocked")
    if kind == "FileNotFoundError":
        return Explanation(
            "File not found", f"{node_title} misses a file", _sentence(message), "File not found"
        )
    if kind in ("SystemExit", "KeyboardInterrupt"):
        return Explanation(
            "Node tried to quit",
            f"{node_title} tried to end the program",
            f"Easel did not let it. {kept}",
            "Tried to quit",
        )
    return Explanation(
        "Node failed", f"{node_title} failed", f"{_sentence(message or kind)} {kept}", "Failed"
    )


_OTHER = ("Cannot run", "{node} cannot run", "{message}. {details}")

_INPUT_ERRORS: Mapping[str, tuple[str, str, str]] = {
    "required_input_missing": (
        "Input missing",
        "{node} needs {input}",
        "Nothing is connected to {input}. Drag a link to it from a node that delivers it.",
    ),
    "value_not_in_list": (
        "Choice not found",
        "{node} does not know {value}",
        "{value} is not among the choices of {input}. Choose another; for a model, put the file "
        "into its folder and press R to read the folders anew.",
    ),
    "value_smaller_than_min": (
        "Value too small",
        "{input} of {node} is too small",
        "{value} lies below the least value {bound}.",
    ),
    "value_bigger_than_max": (
        "Value too big",
        "{input} of {node} is too big",
        "{value} lies above the greatest value {bound}.",
    ),
    "invalid_input_type": (
        "Wrong kind of value",
        "{input} of {node} takes another kind of value",
        "{value} cannot be read as {wanted}.",
    ),
    "return_type_mismatch": (
        "Types differ",
        "The link to {input} of {node} does not fit",
        "It carries {received}, but {input} takes {wanted}.",
    ),
    "bad_linked_input": (
        "Broken link",
        "The link to {input} of {node} is damaged",
        "Remove it and draw it again.",
    ),
    "custom_validation_failed": ("Refused", "{node} refuses its inputs", "{reason}"),
    "dependency_cycle": (
        "Loop",
        "{node} is part of a loop",
        "Its result depends on itself. Remove one of the links between nodes {details}.",
    ),
}


def _wanted_type(info: Mapping[str, Any]) -> str:
    config = info.get("input_config")
    if isinstance(config, (list, tuple)) and config:
        kind = config[0]
        return "a choice" if isinstance(kind, (list, tuple)) else str(kind)
    return "its type"


def _bound(kind: str, info: Mapping[str, Any]) -> str:
    config = info.get("input_config")
    if isinstance(config, (list, tuple)) and len(config) > 1 and isinstance(config[1], Mapping):
        return str(config[1].get("min" if kind == "value_smaller_than_min" else "max", ""))
    return ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    if len(text) > 300:
        text = text[:297] + "…"
    return text if text[-1] in ".!?…" else text + "."
