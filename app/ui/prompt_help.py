"""What helps while a prompt is typed: length, unknown words, what may follow (U-244, U-245)."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject

from app.ui.words import count_words, tr
from app.widgets.completion import Completion, VocabularySource, WordSource
from app.widgets.fuzzy import SearchItem
from app.widgets.text_note import TextNote

if TYPE_CHECKING:
    from app.engine.models.prompt_count import PromptCount
    from app.engine.models.prompt_encoder import FindFile, PromptEncoder
    from app.engine.models.starter_words import StarterWords
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.writer import Snapshot
    from app.ui.canvas.view import CanvasView
    from app.ui.document import WorkflowDocument
    from app.ui.main_window import MainWindow

_MOST_TOLD = 10
"""Unknown words that a tip names."""
_LORA_NODE, _LORA_INPUT = "LoraLoader", "lora_name"


class PromptHelp(QObject):
    """Knows embeddings, LoRAs and text encoders, and helps in the editors of all canvases.

    Args:
        window: The window; its background counts, its definitions tell the LoRAs.
        find_file: Finds a model from its kind and name; called in a thread.

    Attributes:
        embeddings: Paths of the embeddings by file name.
        state: Another number whenever files may have come or gone.
    """

    def __init__(self, window: MainWindow, find_file: FindFile) -> None:
        super().__init__(window)
        self.window = window
        self.find_file = find_file
        self.embeddings: dict[str, str] = {}
        self._seen: Mapping[str, NodeDefinition] | None = None
        self._words = WordSource([])
        self._vocabulary: tuple[StarterWords, VocabularySource] | None = None
        self._views: weakref.WeakSet[CanvasView] = weakref.WeakSet()
        self.state = 0

    def take_embeddings(self, paths: Mapping[str, str]) -> None:
        """Take the embeddings that there are, paths by file name; files may be others now."""
        self.embeddings = dict(paths)
        self._seen = None
        self.state += 1
        for view in list(self._views):
            if shiboken6.isValid(view):
                view.editors.count_again()

    def follow(self, view: CanvasView) -> None:
        """Help in the editors of a canvas."""
        self._views.add(view)
        view.editors.prompt_help = self

    def aid_for(self, document: WorkflowDocument, key: str, name: str) -> PromptAid:
        """Return the help for the editor of one prompt.

        Args:
            document: The document.
            key: Key of the node in the shown graph.
            name: Name of its widget.
        """
        return PromptAid(self, document, key, name)

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return the embeddings and LoRAs that fit the word before ``caret``, or None."""
        definitions = self.window.definitions
        if self._seen is not definitions:
            self._seen = definitions
            self._words = WordSource(
                [
                    *suggestions(self.embeddings, tr("Embedding"), "embedding:"),
                    *suggestions(_loras(definitions), tr("LoRA")),
                ]
            )
        return self._words.complete(text, caret)

    def vocabulary(self, words: StarterWords) -> VocabularySource:
        """Return what suggests the words of a vocabulary."""
        if self._vocabulary is None or self._vocabulary[0] is not words:
            known = [word for word in words.words if word]
            source = VocabularySource(known, words.knows, tr("Looks similar"))
            self._vocabulary = (words, source)
        return self._vocabulary[1]


class PromptAid:
    """Helps in the editor of one prompt, once it has found which text encoder reads it.

    Args:
        owner: What knows the files.
        document: The document.
        key: Key of the node in the shown graph.
        name: Name of its widget.
    """

    def __init__(self, owner: PromptHelp, document: WorkflowDocument, key: str, name: str) -> None:
        self._owner = owner
        self._document = document
        self._key = key
        self._name = name
        self._encoder: PromptEncoder | None = None
        self._search = asyncio.Lock()
        self._state = -1

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return what fits the word before ``caret``, or None."""
        encoder = self._encoder
        if encoder is not None and encoder.words is not None:
            return self._owner.vocabulary(encoder.words).complete(text, caret)
        return self._owner.complete(text, caret)

    def count(self, text: str, caret: int, on_counted: Callable[[TextNote], None]) -> None:
        """Judge ``text`` in a thread and hand what is to be noted to ``on_counted``."""
        self._owner.window.background.run(self._count(text, caret, on_counted))

    async def _count(self, text: str, caret: int, on_counted: Callable[[TextNote], None]) -> None:
        from app.engine.models.prompt_count import count_prompt

        owner = self._owner
        async with self._search:
            # What is typed during the search waits for it, or another encoder would count it.
            if self._state != owner.state and shiboken6.isValid(self._document):
                self._state = owner.state
                self._encoder = await self._find_encoder()
        given = () if self._encoder is None else (self._encoder,)
        counted = await asyncio.to_thread(
            lambda: count_prompt(text, owner.embeddings, *given, caret=caret)
        )
        if shiboken6.isValid(owner):
            on_counted(note_of(counted))

    async def _find_encoder(self) -> PromptEncoder:
        from app.engine.workflow.writer import snapshot

        document = self._document
        node = document.bound.nodes.get(self._key)
        path = (*document.trail, self._key)
        widget = node.widget(self._name) if node is not None else None
        if widget is not None and widget.source is not None:
            path = (*path, widget.source[1])
        copy, definitions = snapshot(document.workflow), document.definitions
        return await asyncio.to_thread(find_encoder, copy, definitions, path, self._owner.find_file)


def find_encoder(
    copy: Snapshot,
    definitions: Mapping[str, NodeDefinition],
    path: tuple[str, ...],
    find_file: FindFile,
) -> PromptEncoder:
    """Return the text encoder that reads a prompt, found as a run would find it.

    Reads the header of a checkpoint; not for the GUI thread.

    Args:
        copy: The document.
        definitions: Node definitions by type name.
        path: Keys of the hosts from the root down, and of the node; a host as the last stands for
            the nodes in it.
        find_file: Finds a model from its kind and name.
    """
    from app.engine.models.prompt_encoder import CLIP_ENCODER, encoder_of
    from app.engine.workflow.to_prompt import convert
    from app.ui.jobs import prepare_prompt

    conversion, _ = prepare_prompt(copy, definitions, convert)
    for identifier, place in conversion.sources.items():
        if place[: len(path)] == path:
            found = encoder_of(conversion.prompt, identifier, find_file)
            if found is not CLIP_ENCODER:
                return found
    return CLIP_ENCODER


def note_of(counted: PromptCount) -> TextNote:
    """Return the length of a prompt, and the words that are left out of it, in words."""
    if counted.room is None:
        return TextNote(count_words(counted.tokens, tr("token"), tr("tokens")))
    is_words = counted.kind.value == "starter"
    text = tr("{count} of {room} words") if is_words else tr("{count} / {room} tokens")
    length = text.format(count=counted.tokens, room=counted.room)
    if not counted.unknown:
        return TextNote(length)
    names = [
        f'"{item.word}"' + (f" ({item.near}?)" if item.near else "") for item in counted.unknown
    ]
    warning = tr("not known: {words}").format(words=", ".join(names))
    lines = [tr("The model was not taught these words, and leaves them out:"), *names[:_MOST_TOLD]]
    if len(names) > _MOST_TOLD:
        lines.append(tr("and {count} more").format(count=len(names) - _MOST_TOLD))
    return TextNote(length, warning, "\n".join(lines))


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
