"""The V3 io types that have widgets: numbers, text, toggles and choices (E-076)."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from app.engine.node_types.v3.base import ComfyTypeIO, OptionsDict, Output, WidgetInput
from app.engine.node_types.v3.base import plain as _plain


class NumberDisplay(enum.StrEnum):
    """How a number's widget looks."""

    number = "number"
    slider = "slider"
    gradient_slider = "gradient_slider"


class ControlAfterGenerate(enum.StrEnum):
    """What happens to a seed after a run."""

    fixed = "fixed"
    increment = "increment"
    decrement = "decrement"
    randomize = "randomize"


class FolderType(enum.StrEnum):
    """The three folders a file widget can look in."""

    input = "input"
    output = "output"
    temp = "temp"


class UploadType(enum.StrEnum):
    """What can be uploaded through a combo; the value is the option's name."""

    image = "image_upload"
    audio = "audio_upload"
    video = "video_upload"
    model = "file_upload"


class RemoteOptions:
    """Where a combo fetches its choices from.

    Attributes:
        route: Address, relative to the host or absolute.
        refresh_button: Whether a button fetches anew.
        control_after_refresh: Which choice is taken then: ``first`` or ``last``.
        timeout: Milliseconds to wait, or None.
        max_retries: Tries before giving up, or None.
        refresh: Milliseconds a fetched list stays good, or None.
    """

    def __init__(
        self,
        route: str,
        refresh_button: bool,
        control_after_refresh: str = "first",
        timeout: int | None = None,
        max_retries: int | None = None,
        refresh: int | None = None,
    ) -> None:
        self.route = route
        self.refresh_button = refresh_button
        self.control_after_refresh = control_after_refresh
        self.timeout = timeout
        self.max_retries = max_retries
        self.refresh = refresh

    def as_dict(self) -> OptionsDict:
        """Return the options as object_info shows them."""
        return {key: value for key, value in vars(self).items() if value is not None}


class Boolean(ComfyTypeIO):
    """True or false."""

    io_type = "BOOLEAN"
    Type = bool

    class Input(WidgetInput):
        """A toggle; ``label_on`` and ``label_off`` name its two states."""

        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: bool | None = None,
            label_on: str | None = None,
            label_off: str | None = None,
            **options: Any,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, **options)
            self.label_on = label_on
            self.label_off = label_off

        def type_options(self) -> OptionsDict:
            """Return the toggle's options."""
            own = {"label_on": self.label_on, "label_off": self.label_off}
            return super().type_options() | own


class Int(ComfyTypeIO):
    """A whole number."""

    io_type = "INT"
    Type = int

    class Input(WidgetInput):
        """A number widget for whole numbers; the bounds are inclusive."""

        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: int | None = None,
            min: int | None = None,
            max: int | None = None,
            step: int | None = None,
            control_after_generate: bool | ControlAfterGenerate | None = None,
            display_mode: NumberDisplay | None = None,
            **options: Any,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, **options)
            self.min = min
            self.max = max
            self.step = step
            self.control_after_generate = control_after_generate
            self.display_mode = display_mode

        def type_options(self) -> OptionsDict:
            """Return the number's options."""
            return super().type_options() | {
                "min": self.min,
                "max": self.max,
                "step": self.step,
                "control_after_generate": self.control_after_generate,
                "display": self.display_mode,
            }


class Float(ComfyTypeIO):
    """A number with a fraction."""

    io_type = "FLOAT"
    Type = float

    class Input(WidgetInput):
        """A number widget; ``round`` is the smallest step kept."""

        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: float | None = None,
            min: float | None = None,
            max: float | None = None,
            step: float | None = None,
            round: float | None = None,
            display_mode: NumberDisplay | None = None,
            **options: Any,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, **options)
            self.min = min
            self.max = max
            self.step = step
            self.round = round
            self.display_mode = display_mode

        def type_options(self) -> OptionsDict:
            """Return the number's options."""
            return super().type_options() | {
                "min": self.min,
                "max": self.max,
                "step": self.step,
                "round": self.round,
                "display": self.display_mode,
            }


class String(ComfyTypeIO):
    """A text."""

    io_type = "STRING"
    Type = str

    class Input(WidgetInput):
        """A text widget of one or several lines."""

        def __init__(
            self,
            id: str,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            multiline: bool = False,
            placeholder: str | None = None,
            default: str | None = None,
            dynamic_prompts: bool | None = None,
            **options: Any,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, default, **options)
            self.multiline = multiline
            self.placeholder = placeholder
            self.dynamic_prompts = dynamic_prompts

        def type_options(self) -> OptionsDict:
            """Return the text widget's options; ``multiline`` stands there when false too."""
            return super().type_options() | {
                "multiline": self.multiline,
                "placeholder": self.placeholder,
                "dynamicPrompts": self.dynamic_prompts,
            }


class Combo(ComfyTypeIO):
    """One of a list of choices."""

    io_type = "COMBO"
    Type = str

    class Input(WidgetInput):
        """A list of choices; an enum class stands for its members' values."""

        def __init__(
            self,
            id: str,
            options: Sequence[Any] | type[enum.Enum] | None = None,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: Any = None,
            control_after_generate: bool | ControlAfterGenerate | None = None,
            upload: UploadType | None = None,
            image_folder: FolderType | None = None,
            remote: RemoteOptions | None = None,
            **others: Any,
        ) -> None:
            super().__init__(id, display_name, optional, tooltip, lazy, _plain(default), **others)
            self.choices = _choices(options)
            self.control_after_generate = control_after_generate
            self.upload = upload
            self.image_folder = image_folder
            self.remote = remote

        def type_options(self) -> OptionsDict:
            """Return the combo's options; ``multiselect`` always stands there."""
            options = super().type_options() | {
                "multiselect": False,
                "options": self.choices,
                "control_after_generate": self.control_after_generate,
                "image_folder": self.image_folder,
                "remote": self.remote.as_dict() if self.remote else None,
            }
            if self.upload is not None:
                options[str(_plain(self.upload))] = True
            return options

    class Output(Output):
        """A combo output; its choices are not part of the description (E-077)."""

        def __init__(
            self,
            id: str | None = None,
            display_name: str | None = None,
            options: Sequence[Any] | type[enum.Enum] | None = None,
            tooltip: str | None = None,
            is_output_list: bool = False,
            **others: Any,
        ) -> None:
            super().__init__(id, display_name, tooltip, is_output_list, **others)
            self.choices = _choices(options) or []


class MultiCombo(ComfyTypeIO):
    """Several of a list of choices."""

    io_type = "COMBO"
    Type = list[str]

    class Input(Combo.Input):
        """A list of choices of which several can be taken."""

        def __init__(
            self,
            id: str,
            options: Sequence[Any] | type[enum.Enum] | None = None,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            default: Sequence[Any] | None = None,
            placeholder: str | None = None,
            chip: bool | None = None,
            **others: Any,
        ) -> None:
            super().__init__(id, options, display_name, optional, tooltip, lazy, default, **others)
            self.placeholder = placeholder
            self.chip = chip

        def type_options(self) -> OptionsDict:
            """Return the combo's options with what belongs to choosing several."""
            return super().type_options() | {
                "multiselect": True,
                "multi_select": True,
                "placeholder": self.placeholder,
                "chip": self.chip,
            }


class Webcam(ComfyTypeIO):
    """A picture taken with the camera; the value is a file name."""

    io_type = "WEBCAM"
    Type = str

    class Input(WidgetInput):
        """A camera widget."""


class Color(ComfyTypeIO):
    """A colour, written as ``#rrggbb``."""

    io_type = "COLOR"
    Type = str

    class Input(WidgetInput):
        """A colour widget."""


class BoundingBox(ComfyTypeIO):
    """A rectangle: ``{"x", "y", "width", "height"}`` in pixels."""

    io_type = "BOUNDING_BOX"
    Type = dict[str, int]

    class Input(WidgetInput):
        """A rectangle widget."""


def _choices(options: Sequence[Any] | type[enum.Enum] | None) -> list[Any] | None:
    if options is None:
        return None
    if isinstance(options, type) and issubclass(options, enum.Enum):
        return [member.value for member in options]
    return list(options)
