"""What an artist is told about each node pack: nodes, time, errors, routes and scripts.

Browser scripts cannot run here. A plain text scan finds which of a pack's nodes they
mention and what they do to them (node-packs section 9); nothing is executed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOADED: Final = "loaded"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"

CHANGES_PROMPT: Final = "changes the prompt: may give other results here"

_HOOKS: Final = (
    (("addDOMWidget",), "own editor"),
    (("onExecuted",), "shows results"),
    (("addInput", "removeInput"), "grows slots"),
    (("graphToPrompt", "serializeValue", "queuePrompt"), CHANGES_PROMPT),
    (("onDrawForeground", "onDrawBackground"), "decoration"),
    (("getExtraMenuOptions",), "menu entries"),
)
"""Words in a script, and what they mean for the nodes it names."""

_REGISTERED: Final = re.compile(r"registerNodeType\(\s*[\"'`]([^\"'`\n]+)[\"'`]")
_LITERAL: Final = re.compile(r"\"([^\"\n\\]{1,200})\"|'([^'\n\\]{1,200})'|`([^`\n\\$]{1,200})`")

MAX_SCRIPT_BYTES: Final = 4 * 1024 * 1024
"""Longer scripts are bundles of libraries; only this much of each is read."""

DISTRIBUTIONS: Final = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "google": "google-api-python-client",
    "huggingface_hub": "huggingface-hub",
    "onnxruntime": "onnxruntime",
    "OpenSSL": "pyOpenSSL",
    "segment_anything": "segment-anything",
    "transparent_background": "transparent-background",
    "ultralytics": "ultralytics",
}
"""Name to install, for modules whose distribution is called something else."""


@dataclass(frozen=True, slots=True)
class ScriptHint:
    """What a pack's scripts do with one node.

    Attributes:
        node: Node type.
        effects: Words for the artist, such as ``"shows results"``.
        files: Scripts that mention it, relative to the pack's script folder.
    """

    node: str
    effects: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def changes_prompt(self) -> bool:
        """Whether the node may give other results here than in a browser."""
        return CHANGES_PROMPT in self.effects


@dataclass(slots=True)
class PackReport:
    """How loading one pack went.

    Attributes:
        name: Folder or file name of the pack.
        path: Where it lies.
        status: ``"loaded"``, ``"failed"`` or ``"skipped"``.
        seconds: Time its import took.
        nodes: Node types it brought, in order.
        error: One line that says what went wrong; empty when loaded.
        traceback: The trace back behind the error; may be empty.
        missing_module: Python module that was not found, or empty.
        warnings: Things that work, but not as the pack meant.
        routes: Web addresses it declared, such as ``"GET /pack/list"``.
        web_directory: Folder of its browser scripts, or empty.
        scripts: Browser scripts, relative to that folder.
        script_hints: What the scripts do, by node.
        script_only_nodes: Node types that exist only in scripts.
    """

    name: str
    path: str
    status: str = LOADED
    seconds: float = 0.0
    nodes: tuple[str, ...] = ()
    error: str = ""
    traceback: str = ""
    missing_module: str = ""
    warnings: list[str] = field(default_factory=list)
    routes: tuple[str, ...] = ()
    web_directory: str = ""
    scripts: tuple[str, ...] = ()
    script_hints: tuple[ScriptHint, ...] = ()
    script_only_nodes: tuple[str, ...] = ()

    @property
    def missing_distribution(self) -> str:
        """What to install for the missing module, or an empty string."""
        top = self.missing_module.split(".")[0]
        return DISTRIBUTIONS.get(top, top)

    def scan_scripts(self) -> None:
        """Read the scripts of :attr:`web_directory` and fill the three script fields."""
        if not self.web_directory:
            return
        root = Path(self.web_directory)
        found: dict[str, tuple[set[str], list[str]]] = {}
        only: set[str] = set()
        scripts = _scripts_below(root)
        for script in scripts:
            text = _read_text(root / script)
            literals = {a or b or c for a, b, c in _LITERAL.findall(text)}
            effects = [effect for words, effect in _HOOKS if any(w in text for w in words)]
            only.update(_REGISTERED.findall(text))
            for node in self.nodes:
                if node in literals:
                    known, files = found.setdefault(node, (set(), []))
                    known.update(effects)
                    files.append(script)
        self.scripts = tuple(scripts)
        self.script_only_nodes = tuple(sorted(only.difference(self.nodes)))
        order = [effect for _, effect in _HOOKS]
        self.script_hints = tuple(
            ScriptHint(node, tuple(e for e in order if e in found[node][0]), tuple(found[node][1]))
            for node in self.nodes
            if node in found
        )


def import_times(reports: Sequence[PackReport]) -> str:
    """Return the table of seconds per pack, fastest first, that ends a start."""
    tried = [report for report in reports if report.status != SKIPPED]
    lines = ["Import times for node packs:"]
    for report in sorted(tried, key=lambda each: each.seconds):
        failed = " (IMPORT FAILED)" if report.status == FAILED else ""
        lines.append(f"{report.seconds:6.1f} seconds{failed}: {report.path}")
    return "\n".join(lines)


def web_files(web_directories: Iterable[tuple[str, str]]) -> list[str]:
    """Return the addresses a browser would load scripts from: ``/extensions/<pack>/<file>``.

    Args:
        web_directories: Pack name and script folder, one pair a pack.
    """
    return [
        f"/extensions/{name}/{script}"
        for name, folder in web_directories
        for script in _scripts_below(Path(folder))
    ]


def _scripts_below(root: Path) -> list[str]:
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".js"):
                found.append(Path(folder, name).relative_to(root).as_posix())
    return sorted(found)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_SCRIPT_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
