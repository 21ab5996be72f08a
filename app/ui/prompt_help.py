"""What helps while a prompt is typed: its length, and names that may follow (U-244, U-245)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject

from app.ui.words import tr
from app.widgets.completion import Completion, WordSource
from app.widgets.fuzzy import SearchItem

if TYPE_CHECKING:
    from app.engine.node_types.definition import NodeDefinition
    from app.ui.canvas.view import CanvasView
    from app.ui.main_window import MainWindow

_LORA_NODE, _LORA_INPUT = "LoraLoader", "lora_name"


class PromptHelp(QObject):
    """Counts prompts off the GUI thread and suggests embeddings and LoRAs.

    Args:
        window: The window; its background counts, its definitions tell the LoRAs.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._embeddings: dict[str, str] = {}
        self._seen: Mapping[str, NodeDefinition] | None = None
        self._words = WordSource([])

    def take_embeddings(self, paths: Mapping[str, str]) -> None:
        """Take the embeddings that there are: paths by file name."""
        self._embeddings = dict(paths)
        self._seen = None

    def follow(self, view: CanvasView) -> None:
        """Help in the editors of a canvas."""
        view.editors.prompt_help = self

    @property
    def completion(self) -> PromptHelp:
        """What suggests words: this object."""
        return self

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return the names that fit the word before ``caret``, or None."""
        definitions = self._window.definitions
        if self._seen is not definitions:
            self._seen = definitions
            self._words = WordSource(
                [
                    *suggestions(self._embeddings, tr("Embedding"), "embedding:"),
                    *suggestions(_loras(definitions), tr("LoRA")),
                ]
            )
        return self._words.complete(text, caret)

    def count(self, text: str, on_counted: Callable[[str], None]) -> None:
        """Count ``text`` in a thread and hand the words for it to ``on_counted``."""
        self._window.background.run(self._count(text, on_counted))

    async def _count(self, text: str, on_counted: Callable[[str], None]) -> None:
        words = await asyncio.to_thread(length_in_words, text, self._embeddings)
        if shiboken6.isValid(self):
            on_counted(words)


def length_in_words(text: str, embeddings: Mapping[str, str]) -> str:
    """Return the length of a prompt against the room of its rows, such as ``12 / 75``.

    Reads the vocabulary the first time; not for the GUI thread.
    """
    from app.engine.models.prompt_count import count_prompt

    counted = count_prompt(text, embeddings)
    return tr("{count} / {room} tokens").format(count=counted.tokens, room=counted.room)


def suggestions(files: Mapping[str, str], note: str, prefix: str = "") -> list[SearchItem]:
    """Return what files suggest: their names without ending, ``prefix`` before them."""
    items = []
    for file in files:
        path = PurePosixPath(file.replace("\\", "/"))
        name = str(path.with_suffix(""))
        items.append(SearchItem(prefix + name, aliases=(name,), note=note))
    return items


def _loras(definitions: Mapping[str, NodeDefinition]) -> dict[str, str]:
    definition = definitions.get(_LORA_NODE)
    declared = definition.input_by_name.get(_LORA_INPUT) if definition is not None else None
    choices = declared.choices or () if declared is not None else ()
    return {str(choice): "" for choice in choices}
