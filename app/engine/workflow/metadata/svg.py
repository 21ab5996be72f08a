"""The ``metadata`` element of SVG files. No XML parser runs, so no entity can unfold."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Final

from app.engine.workflow.metadata.limits import Texts, check_length
from app.engine.workflow.metadata.source import Source

_BEFORE_ROOT: Final = re.compile(
    r"\s*(?:<\?[^>]{0,1000}\?>|<!--.{0,10000}?-->|<![^>]{0,1000}>)", re.S
)
_ROOT: Final = re.compile(r"\s*<svg[\s>]")
_METADATA: Final = re.compile(r"<metadata[^<>]{0,1000}>")
_CDATA: Final = "<![CDATA["


def is_mine(head: bytes) -> bool:
    """Tell whether the file is an SVG, by its first kilobytes."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    at = 0
    for _ in range(20):
        if _ROOT.match(text, at):
            return True
        found = _BEFORE_ROOT.match(text, at)
        if found is None:
            return False
        at = found.end()
    return False


def read(source: Source) -> dict[str, str]:
    """Return the texts in an SVG's ``metadata`` element by key.

    Raises:
        WorkflowFileError: The file is cut off or too long.
    """
    check_length(source.size, source.shown)
    texts = Texts(source.shown)
    text = source.read(0, source.size).decode("utf-8", "replace")
    if not text.rstrip().endswith(">"):
        raise source.cut_off()
    begin = _METADATA.search(text)
    if begin is not None:
        end = _end_of_element(text, begin.end())
        if end < 0:
            raise source.cut_off()
        texts.add_object(_content(text[begin.end() : end]))
    if "</svg" not in text[-1000:] and not text.rstrip().endswith("/>"):
        raise source.cut_off()
    return texts.found


def write_texts(svg: str, texts: Mapping[str, str]) -> str:
    """Return an SVG document with a ``metadata`` element that holds the texts as JSON.

    Args:
        svg: The document. One without a root element that has content stays as it is.
        texts: JSON texts by key.
    """
    start = svg.find("<svg")
    end = svg.find(">", start)
    if not texts or start < 0 or end < 0 or svg[end - 1] == "/":
        return svg
    body = "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in texts.items()) + "}"
    # "]]>" would end the block early; two blocks hold it in two parts.
    body = body.replace("]]>", "]]]]><![CDATA[>")
    element = f"\n<metadata>{_CDATA}{body}]]></metadata>"
    return svg[: end + 1] + element + svg[end + 1 :]


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
