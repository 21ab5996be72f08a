"""The workflows that come with the program, from ``resources/templates/index.json``.

The index is ``{"templates": [{"id", "title", "file", "description", "picture", "category", "needs",
"models"}]}``. ``needs`` lists things to bring in words ("a picture"); each of ``models`` is
``{"folder", "name", "size_bytes", "is_bundled"}``. Only ``file`` must be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ui.theme import RESOURCES
from app.ui.words import size_words, tr

FOLDER = RESOURCES / "templates"


@dataclass(frozen=True, slots=True)
class TemplateModel:
    """A model file a template needs.

    Attributes:
        folder: Kind of model folder, such as ``checkpoints``.
        name: File name.
        size_bytes: Its size, 0 when unknown.
        is_bundled: It comes with the program.
    """

    folder: str
    name: str
    size_bytes: int = 0
    is_bundled: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """One template.

    Attributes:
        id: Stable name.
        title: Words under its picture.
        file: The workflow.
        picture: Its picture, or None.
        description: What it does, in a sentence.
        category: Filter under which it is found.
        needs: What the artist has to bring, in words.
        models: Model files it needs.
        missing: Those that are not there.
    """

    id: str
    title: str
    file: Path
    picture: Path | None = None
    description: str = ""
    category: str = ""
    needs: tuple[str, ...] = ()
    models: tuple[TemplateModel, ...] = ()
    missing: tuple[TemplateModel, ...] = ()

    @property
    def runs_here(self) -> bool:
        """Whether everything it needs is there."""
        return not self.missing

    @property
    def words(self) -> str:
        """What a search looks through, in small letters."""
        return f"{self.title} {self.category} {self.description}".casefold()

    @property
    def note(self) -> str:
        """What it still needs, in words."""
        if self.missing:
            total = sum(model.size_bytes for model in self.missing)
            count = len(self.missing)
            if total and count == 1:
                return tr("Needs a {size} model").format(size=size_words(total))
            if total:
                size = size_words(total)
                return tr("Needs {count} models, {size}").format(count=count, size=size)
            return tr("Needs a model") if count == 1 else tr("Needs {n} models").format(n=count)
        if self.needs:
            return tr("Needs {things}").format(things=", ".join(self.needs))
        if any(model.is_bundled for model in self.models):
            return tr("Starter model included")
        return tr("Runs with what you have")


def read_templates(model_folders: Iterable[Path], folder: Path = FOLDER) -> list[Template]:
    """Read the index and look which models are there. May block.

    Entries that cannot be used are left out: a broken index must not keep the window from opening.
    """
    try:
        data = json.loads((folder / "index.json").read_bytes())
    except (OSError, ValueError):
        return []
    rows = data.get("templates") if isinstance(data, Mapping) else data
    folders = list(model_folders)
    found = [_read(row, folder, folders) for row in rows] if isinstance(rows, list) else []
    return [item for item in found if item is not None]


def _read(row: Any, folder: Path, model_folders: list[Path]) -> Template | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("file"), str):
        return None
    file = folder / row["file"]
    if not file.is_file():
        return None
    picture, needs = row.get("picture"), row.get("needs")
    models = tuple(_read_models(row.get("models")))
    missing = tuple(
        model for model in models if not model.is_bundled and not _is_there(model, model_folders)
    )
    return Template(
        str(row.get("id") or file.stem),
        str(row.get("title") or file.stem),
        file,
        folder / picture if isinstance(picture, str) else None,
        str(row.get("description") or ""),
        str(row.get("category") or ""),
        tuple(item for item in needs if isinstance(item, str)) if isinstance(needs, list) else (),
        models,
        missing,
    )


def _read_models(rows: Any) -> Iterable[TemplateModel]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get("name"), str):
            size = row.get("size_bytes", 0)
            yield TemplateModel(
                str(row.get("folder") or ""),
                row["name"],
                size if isinstance(size, int) else 0,
                bool(row.get("is_bundled")),
            )


def _is_there(model: TemplateModel, folders: list[Path]) -> bool:
    return any((folder / model.folder / model.name).is_file() for folder in folders)
