"""How much text a file may carry, and the texts found in one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.engine.errors import WorkflowFileError

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Longest text of one file, after decompression; workflows of 5,000 nodes need 4 MB."""

MAX_PARTS: Final = 100_000
"""Most chunks, boxes, blocks or pages looked at in one file."""

MAX_VALUES: Final = 1_500_000
"""Most values in one JSON text. Small ones take 30 times their length in memory, and so many of
them a second and a half; a workflow of 5,000 nodes has 200,000."""

WORKFLOW_KEYS: Final = ("workflow", "prompt")
"""Keys of the JSON texts we look for, the better one first."""

PARAMETERS: Final = "parameters"
"""Key of the text that other programs describe their settings in."""


def too_long(shown: str) -> WorkflowFileError:
    """Return the error for a text beyond :data:`MAX_TEXT_BYTES`."""
    return WorkflowFileError(
        f"Cannot open {shown}: the text in it is longer than {MAX_TEXT_BYTES >> 20} MB."
    )


def check_texts(texts: Mapping[str, str], shown: str) -> None:
    """Refuse to write texts that would be refused when they are read.

    Raises:
        WorkflowFileError: Together they are too long.
    """
    if sum(len(key) + len(text) for key, text in texts.items()) > MAX_TEXT_BYTES:
        raise WorkflowFileError(
            f"Cannot write into {shown}: the text is longer than {MAX_TEXT_BYTES >> 20} MB."
        )


def check_length(length: int, shown: str) -> None:
    """Refuse a text of this many bytes before it is read.

    Raises:
        WorkflowFileError: It is too long.
    """
    if length > MAX_TEXT_BYTES:
        raise too_long(shown)


def check_values(text: str | bytes, shown: str) -> None:
    """Refuse JSON with too many values before it is parsed.

    Raises:
        WorkflowFileError: There are more than :data:`MAX_VALUES`; commas in texts count too.
    """
    if isinstance(text, bytes):
        count = text.count(b"[") + text.count(b"{") + text.count(b",")
    else:
        count = text.count("[") + text.count("{") + text.count(",")
    if count > MAX_VALUES:
        raise WorkflowFileError(f"Cannot open {shown}: it holds more than {MAX_VALUES:,} values.")


def inflate(data: bytes, shown: str) -> bytes:
    """Decompress a zlib stream within the limit.

    Raises:
        WorkflowFileError: The stream is damaged, cut off or too long.
    """
    machine = zlib.decompressobj()
    try:
        result = machine.decompress(data, MAX_TEXT_BYTES + 1)
    except zlib.error as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: the text in it is damaged.", details=str(error)
        ) from error
    check_length(len(result), shown)
    if not machine.eof:
        raise WorkflowFileError(f"Cannot open {shown}: the text in it is cut off.")
    return result


class Texts:
    """The texts of one file by key. Of two with one key the first counts.

    Args:
        shown: How messages name the file.
    """

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.found: dict[str, str] = {}
        self._total = 0

    def add(self, key: str, text: str) -> None:
        """Take in a text.

        Raises:
            WorkflowFileError: All texts together are too long.
        """
        self._total += len(key) + len(text)
        check_length(self._total, self.shown)
        self.found.setdefault(key, text)

    def add_free(self, text: str) -> None:
        """Take in a text that stands in a comment, where anything may stand.

        It may be ``key:json`` for one of our keys, a JSON object that holds our keys, or the
        settings that other programs write. Everything else is left out.
        """
        text = text.strip("\0 \t\r\n")
        key, colon, rest = text.partition(":")
        name = key.strip().lower()
        if colon and name in (*WORKFLOW_KEYS, PARAMETERS):
            self.add(name, rest.strip())
        elif text.startswith("{"):
            self.add_object(text)
        elif looks_like_parameters(text):
            self.add(PARAMETERS, text)

    def add_object(self, text: str) -> None:
        """Take in the keys of a JSON object; its values are JSON texts or plain objects.

        Something that is no JSON object holds nothing.
        """
        check_length(len(text), self.shown)
        check_values(text, self.shown)
        try:
            value = json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            for key in (*WORKFLOW_KEYS, PARAMETERS):
                if key in value:
                    self.add_value(key, value[key])

    def add_value(self, key: str, value: Any) -> None:
        """Take in a text, or an object as the JSON text that it is."""
        if isinstance(value, str):
            self.add(key, value)
        elif isinstance(value, dict):
            try:
                self.add(key, json.dumps(value))
            except RecursionError:
                return


def carries(text: str, keys: Iterable[str]) -> bool:
    """Tell whether a free text would be read as one with any of these keys."""
    texts = Texts("this text")
    try:
        texts.add_free(text)
    except WorkflowFileError:
        return True
    return not texts.found.keys().isdisjoint(keys)


def looks_like_parameters(text: str) -> bool:
    """Tell whether a text is a list of settings as A1111 and its kin write them."""
    return "Steps: " in text and "Sampler: " in text
