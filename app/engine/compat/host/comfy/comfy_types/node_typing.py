"""``comfy.comfy_types.node_typing``: type names and base classes for V1 nodes (E-743)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, TypedDict


class IO(StrEnum):
    """Names of types. ``!=`` knows wildcards and comma-joined unions."""

    STRING = "STRING"
    IMAGE = "IMAGE"
    MASK = "MASK"
    LATENT = "LATENT"
    BOOLEAN = "BOOLEAN"
    INT = "INT"
    FLOAT = "FLOAT"
    COMBO = "COMBO"
    CONDITIONING = "CONDITIONING"
    SAMPLER = "SAMPLER"
    SIGMAS = "SIGMAS"
    GUIDER = "GUIDER"
    NOISE = "NOISE"
    CLIP = "CLIP"
    CONTROL_NET = "CONTROL_NET"
    VAE = "VAE"
    MODEL = "MODEL"
    LORA_MODEL = "LORA_MODEL"
    LOSS_MAP = "LOSS_MAP"
    CLIP_VISION = "CLIP_VISION"
    CLIP_VISION_OUTPUT = "CLIP_VISION_OUTPUT"
    STYLE_MODEL = "STYLE_MODEL"
    GLIGEN = "GLIGEN"
    UPSCALE_MODEL = "UPSCALE_MODEL"
    AUDIO = "AUDIO"
    WEBCAM = "WEBCAM"
    POINT = "POINT"
    FACE_ANALYSIS = "FACE_ANALYSIS"
    BBOX = "BBOX"
    SEGS = "SEGS"
    VIDEO = "VIDEO"
    ANY = "*"
    NUMBER = "FLOAT,INT"
    PRIMITIVE = "STRING,FLOAT,INT,BOOLEAN"

    def __ne__(self, other: object) -> bool:
        """Tell whether two types can not be linked; ``*`` differs from nothing."""
        if not isinstance(other, str):
            return True
        ours, theirs = set(self.value.split(",")), set(str.__str__(other).split(","))
        if "*" in ours or "*" in theirs:
            return False
        return not (ours <= theirs or theirs <= ours)

    # Hashing and == stay those of str, so that members work as dictionary keys.
    __hash__ = str.__hash__


class RemoteInputOptions(TypedDict, total=False):
    """Where a combo fetches its choices from."""

    route: str
    refresh_button: bool
    control_after_refresh: str
    timeout: int
    max_retries: int
    refresh: int


class MultiSelectOptions(TypedDict, total=False):
    """How a combo shows several choices."""

    placeholder: str
    chip: bool


class InputTypeOptions(TypedDict, total=False):
    """Options of one input."""

    default: Any
    defaultInput: bool
    forceInput: bool
    lazy: bool
    rawLink: bool
    tooltip: str
    socketless: bool
    widgetType: str
    min: float
    max: float
    step: float
    round: float
    label_on: str
    label_off: str
    multiline: bool
    placeholder: str
    dynamicPrompts: bool
    image_upload: bool
    image_folder: str
    remote: RemoteInputOptions
    control_after_generate: bool
    options: list[Any]
    multi_select: MultiSelectOptions


class HiddenInputTypeDict(TypedDict, total=False):
    """Hidden inputs and their kinds."""

    node_id: str
    unique_id: str
    prompt: str
    extra_pnginfo: str
    dynprompt: str


class InputTypeDict(TypedDict, total=False):
    """What ``INPUT_TYPES`` returns."""

    required: dict[str, Any]
    optional: dict[str, Any]
    hidden: HiddenInputTypeDict


class FileLocator(TypedDict):
    """A saved file in a ``ui`` output."""

    filename: str
    subfolder: str
    type: str


class ComfyNodeABC(ABC):
    """Base class that makes editors know the names of the V1 contract."""

    DESCRIPTION: str
    CATEGORY: str
    EXPERIMENTAL: bool
    DEPRECATED: bool
    INPUT_IS_LIST: bool
    OUTPUT_IS_LIST: tuple[bool, ...]
    RETURN_TYPES: tuple[Any, ...]
    RETURN_NAMES: tuple[str, ...]
    OUTPUT_TOOLTIPS: tuple[str, ...]
    FUNCTION: str

    @classmethod
    @abstractmethod
    def INPUT_TYPES(cls) -> InputTypeDict:
        """Return the inputs by section."""
        return {"required": {}}


class CheckLazyMixin:
    """Asks for every input that has no value yet (E-336)."""

    def check_lazy_status(self, **kwargs: Any) -> list[str]:
        """Return the names of the inputs that are None."""
        return [name for name, value in kwargs.items() if value is None]
