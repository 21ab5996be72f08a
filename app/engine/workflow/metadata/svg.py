"""The ``metadata`` element of SVG files. No XML parser runs, so no entity can unfold."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from app.engine.workflow.metadata.limits import WORKFLOW_KEYS, Texts, check_length
from app.engine.workflow.metadata.source import Source

_BEFORE_ROOT: Final = re.compile(
    r"\s*(?:<\?[^>]{0,1000}\?>|<!--.{0,10000}?-->|<![^>]{0,1000}>)", re.S
)
_ROOT: Final = re.compile(r"\s*<svg[\s/>]")
_METADATA: Final = re.compile(r"<metadata[^<>]{0,1000}>")
_REST_OF_TAG: Final = re.compile(r"""(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_CDATA: Final = "<![CDATA["


def is_mine(head: bytes) -> bool:
    """Tell whether the file is an SVG, by its first kilobytes."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    return _root(head.decode("utf-8", "replace").removeprefix("\ufeff")) >= 0


def _root(text: str) -> int:
    """Return where the name of the root element ends, or -1 when the text is no SVG."""
    at = 0
    for _ in range(20):
        root = _ROOT.match(text, at)
        if root is not None:
            return root.end() - 1
        found = _BEFORE_ROOT.match(text, at)
        if found is None:
            return -1
        at = found.end()
    return -1


def read(source: Source) -> dict[str, str]:
    """Return the texts in an SVG's ``metadata`` element by key.

    Raises:
        WorkflowFileError: The file is cut off or too long.
    """
    check_length(source.size, source.shown)
    texts = Texts(source.shown)
    text = source.read(0, source.size).decode("utf-8", "replace")
    if not _is_whole(text):
        raise source.cut_off()
    begin = _METADATA.search(text)
    if begin is not None:
        end = _end_of_element(text, begin.end())
        if end < 0:
            raise source.cut_off()
        texts.add_object(_content(text[begin.end() : end]))
    return texts.found


def _is_whole(text: str) -> bool:
    end = text[-1000:].rstrip()
    return end.endswith("/>") or (end.endswith(">") and "</svg" in end)


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return an SVG whose first element is one of ``metadata`` that holds the texts as JSON.

    It takes the place of an earlier one of its kind; those of other programs stay.

    Args:
        data: The document.
        texts: JSON texts by key.

    Raises:
        WorkflowFileError: It has no root element or is cut off.
        ValueError: A text is no JSON.
    """
    svg = data.decode("utf-8", "surrogateescape")
    start = _root(svg.removeprefix("\ufeff"))
    tag = _REST_OF_TAG.match(svg, start + svg.startswith("\ufeff")) if start >= 0 else None
    if tag is None or not _is_whole(svg):
        raise Source(data, "this drawing").cut_off()
    merged = {key: json.loads(text) for key, text in texts.items()}
    head, rest = svg[: tag.end()], svg[tag.end() :]
    old = _METADATA.match(rest.lstrip())
    if old is not None:
        skipped = len(rest) - len(rest.lstrip())
        end = _end_of_element(rest, skipped + old.end())
        held = _object(_content(rest[skipped + old.end() : end])) if end >= 0 else {}
        if not held.keys().isdisjoint((*WORKFLOW_KEYS, *texts)):
            merged = {**held, **merged}
            rest = rest[end:].partition(">")[2]
    # "]]>" would end the block early; two blocks hold it in two parts.
    body = json.dumps(merged).replace("]]>", "]]]]><![CDATA[>")
    element = f"\n<metadata>{_CDATA}{body}]]></metadata>"
    if head.endswith("/>"):
        head, rest = f"{head[:-2]}>", f"</svg>{rest}"
    return (head + element + rest).encode("utf-8", "surrogateescape")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _end_of_element(text: str, at: int) -> int:
    """Return where ``</metadata>`` stands outside of CDATA blocks, or -1."""
    while True:
        end = text.find("</metadata", at)
        block = text.find(_CDATA, at)
        if block < 0 or (0 <= end < block):
            return end
        close = text.find("]]>", block)
        if close < 0:
            return -1
        at = close + 3


def _content(text: str) -> str:
    """Return what an element says: the text of its CDATA blocks, else its plain text."""
    parts: list[str] = []
    at = text.find(_CDATA)
    if at < 0:
        return html.unescape(text).strip()
    while at >= 0:
        close = text.find("]]>", at)
        if close < 0:
            break
        parts.append(text[at + len(_CDATA) : close])
        at = text.find(_CDATA, close)
    return "".join(parts).strip()
