"""The table of settings. The dialog, the file check, the docs and the reset button are made of it.

A new setting is a new row here and nothing else; whoever needs it asks :class:`Settings` for its
name.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.errors import SettingsError


class SettingKind(enum.Enum):
    """What a setting's value is, and so which control edits it."""

    SWITCH = "switch"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    FOLDERS = "folders"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Stable dotted name, the key in the file.
        kind: What the value is.
        default: Value of a fresh install.
        page: Id of the page it stands on.
        title: Words on the left of the row.
        sentence: One line of meaning.
        choices: Values of a CHOICE with the words to show, in order.
        minimum: Least number.
        maximum: Greatest number.
        step: Step of a number.
        unit: Follows the number: ``"px"``, ``"%"``.
        factor: The number is shown multiplied by this (0.01 steps shown as per cent).
        needs_restart: Takes effect at the next start.
        is_picture: Shown as pictures above the rows instead of as a row.
    """

    name: str
    kind: SettingKind
    default: Any
    page: str
    title: str
    sentence: str
    choices: tuple[tuple[Any, str], ...] = ()
    minimum: float = 0
    maximum: float = 0
    step: float = 1
    unit: str = ""
    factor: float = 1
    needs_restart: bool = False
    is_picture: bool = False

    def check(self, value: Any) -> Any:
        """Return ``value`` as it is kept.

        Raises:
            SettingsError: It has the wrong type or lies outside the range.
        """
        checked = _CHECKS[self.kind](self, value)
        if checked is None:
            raise SettingsError(f"{self.title}: {value!r} is not {self.range_text}.")
        return checked

    @property
    def range_text(self) -> str:
        """What values are allowed, in words."""
        if self.kind is SettingKind.SWITCH:
            return "on or off"
        if self.kind is SettingKind.CHOICE:
            return "one of " + ", ".join(repr(value) for value, _ in self.choices)
        if self.kind in (SettingKind.INTEGER, SettingKind.NUMBER):
            whole = "a whole number" if self.kind is SettingKind.INTEGER else "a number"
            return f"{whole} from {self.minimum:g} to {self.maximum:g}"
        return "a list of folders"


def _check_number(row: Setting, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not row.minimum <= value <= row.maximum:
        return None
    if row.kind is SettingKind.INTEGER:
        return int(value) if value == int(value) else None
    return float(value)


def _check_folders(row: Setting, value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return None
    return list(value)


_CHECKS = {
    SettingKind.SWITCH: lambda row, value: value if isinstance(value, bool) else None,
    SettingKind.CHOICE: lambda row, value: next(
        (choice for choice, _ in row.choices if choice == value), None
    ),
    SettingKind.INTEGER: _check_number,
    SettingKind.NUMBER: _check_number,
    SettingKind.FOLDERS: _check_folders,
}


@dataclass(frozen=True, slots=True)
class SettingPage:
    """One page of the dialog: its id, its title and the name of its icon."""

    id: str
    title: str
    icon: str


PAGES: tuple[SettingPage, ...] = (
    SettingPage("appearance", "Appearance", "palette"),
    SettingPage("canvas", "Canvas", "frame"),
    SettingPage("navigation", "Navigation", "square-dashed-mouse-pointer"),
    SettingPage("keys", "Keys", "keyboard"),
    SettingPage("running", "Running", "play"),
    SettingPage("device", "Device and memory", "cpu"),
    SettingPage("folders", "Folders", "folder"),
    SettingPage("packs", "Node packs", "package"),
    SettingPage("language", "Language", "languages"),
    SettingPage("about", "About", "info"),
)


def _switch(name: str, default: bool, title: str, sentence: str, **more: Any) -> Setting:
    return Setting(name, SettingKind.SWITCH, default, name.split(".")[0], title, sentence, **more)


def _choice(
    name: str, title: str, sentence: str, choices: tuple[tuple[Any, str], ...], **more: Any
) -> Setting:
    """Make a choice; the first one is the default."""
    page = name.split(".")[0]
    default = more.pop("default", choices[0][0])
    return Setting(
        name, SettingKind.CHOICE, default, page, title, sentence, choices=choices, **more
    )


def _number(
    name: str,
    default: float,
    least: float,
    most: float,
    title: str,
    sentence: str,
    **more: Any,
) -> Setting:
    step = more.get("step", 1)
    whole = isinstance(default, int) and isinstance(step, int)
    kind = SettingKind.INTEGER if whole else SettingKind.NUMBER
    page = name.split(".")[0]
    return Setting(name, kind, default, page, title, sentence, minimum=least, maximum=most, **more)


SETTINGS: tuple[Setting, ...] = (
    _choice(
        "appearance.theme",
        "Theme",
        "Colours of the window and of the canvas.",
        (("dark", "Easel dark"), ("light", "Easel light"), ("system", "Match system")),
        is_picture=True,
    ),
    _number(
        "appearance.scale", 1.0, 0.75, 2.0, "Interface size", "Everything but the canvas.",
        step=0.05, factor=100, unit="%",
    ),
    _number(
        "appearance.prompt_text", 12, 8, 24, "Prompt text size",
        "Text boxes inside nodes, at 100% zoom.", unit="px",
    ),
    _switch(
        "appearance.reduced_motion", False, "Reduce motion",
        "Panels, zoom and progress change at once, without easing.",
    ),
    _switch(
        "canvas.snap", False, "Always snap to the grid", "Without it, hold Shift while you drag.",
    ),
    _number(
        "canvas.snap_size", 10, 1, 500, "Snap size", "Distance between two snap lines.", unit="px",
    ),
    _choice(
        "canvas.links", "Link shape", "How links run between nodes.",
        (("spline", "Curved"), ("linear", "Angled"), ("straight", "Straight"),
         ("hidden", "Hidden")),
    ),
    _choice(
        "canvas.link_release", "Link dropped on empty canvas", "What opens under the pointer.",
        (("search", "Search"), ("none", "Nothing")),
    ),
    _switch("canvas.minimap", True, "Map", "A small map of the workflow at the lower right."),
    _switch(
        "canvas.show_deprecated", False, "Offer deprecated nodes", "In the library and in search.",
    ),
    _switch(
        "canvas.show_experimental", True, "Offer experimental nodes",
        "In the library and in search.",
    ),
    _choice(
        "navigation.left_button", "Left button on empty canvas", "What a drag does.",
        (("pan", "Moves the view"), ("select", "Selects")),
    ),
    _choice(
        "navigation.wheel", "Wheel", "What turning it does.",
        (("zoom", "Zooms"), ("pan", "Moves the view")),
    ),
    _number(
        "navigation.zoom_speed", 1.1, 1.01, 2.5, "Zoom speed", "How much one notch changes.",
        step=0.01,
    ),
    _number(
        "navigation.edge_pan", 15, 0, 30, "Speed at the edge",
        "How fast the view moves while you drag to its edge. 0 turns it off.", unit="px",
    ),
    _choice(
        "running.seed_control", "Seeds change",
        "Before: the seed you see is the seed that ran.",
        (("before", "Before a run"), ("after", "After a run")),
    ),
    _number(
        "running.batch_limit", 100, 1, 1000, "Most runs at once", "Limit of the number beside Run.",
    ),
    _number(
        "running.history", 64, 2, 256, "Results to keep in the list", "Files stay where they are.",
    ),
    _switch(
        "running.notify", True, "Tell me when the queue ends",
        "A system notice while the window is not in front.",
    ),
    _choice(
        "running.previews", "Previews while sampling",
        "Fine ones need a TAESD file in models/vae_approx.",
        (("auto", "Fine where possible"), ("latent2rgb", "Coarse and quick"),
         ("taesd", "Fine"), ("none", "None")),
    ),
    _choice(
        "device.compute", "Compute on", "Models load anew after a change.",
        (("auto", "The best device"), ("cpu", "The processor alone")),
    ),
    _switch(
        "device.fast_cpu", False, "Fast mode of the processor",
        "bfloat16: about twice as fast, and pictures differ a little.",
    ),
    _number(
        "device.model_memory", 0.0, 0.0, 1024.0, "Memory for models",
        "What does not fit is read layer by layer. 0 decides by itself.",
        step=0.5, unit="GB",
    ),
    _choice(
        "device.cache", "Results kept between runs",
        "Nodes that did not change are not run again.",
        (("classic", "Last run"), ("lru:100", "Last 100 nodes"), ("none", "Nothing")),
        needs_restart=True,
    ),
    _switch(
        "device.early_cutoff", False, "Stop where a result is the same",
        "Nodes after one that ran again with an equal result keep theirs.", needs_restart=True,
    ),
    _number(
        "device.pure_workers", 0, 0, 16, "Nodes side by side",
        "Helpers for nodes that say they may run beside others. 0 turns it off.",
        needs_restart=True,
    ),
    Setting(
        "folders.models", SettingKind.FOLDERS, (), "folders", "More model folders",
        "For example the models folder of a ComfyUI install.", needs_restart=True,
    ),
    _switch(
        "folders.restore", True, "Reopen workflows at start", "All tabs, in the same order.",
    ),
    _switch(
        "running.metadata", True, "Save the workflow in pictures",
        "A picture opens the workflow that made it. Off saves the pixels alone.",
    ),
    _switch(
        "packs.load", True, "Load node packs", "Off starts Easel with its own nodes alone.",
        needs_restart=True,
    ),
    _switch(
        "packs.tell_missing", True, "Tell what a workflow lacks",
        "When it opens: node types and models that are not there.",
    ),
    Setting(
        "packs.folders", SettingKind.FOLDERS, (), "packs", "More pack folders",
        "For example the custom_nodes folder of a ComfyUI install.", needs_restart=True,
    ),
    _choice(
        "language.language", "Language", "Words in the window.",
        (("en", "English"),), needs_restart=True,
    ),
)  # fmt: skip

_BY_NAME: Mapping[str, Setting] = {row.name: row for row in SETTINGS}


def setting(name: str) -> Setting:
    """Return the row of that name.

    Raises:
        SettingsError: There is none; the message offers the nearest name.
    """
    row = _BY_NAME.get(name)
    if row is None:
        near = difflib.get_close_matches(name, _BY_NAME, 1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise SettingsError(f'There is no setting "{name}".{hint}')
    return row
