"""Give prompts masks, hooks and parts of the run, one by one or in pairs."""

from __future__ import annotations

from typing import Any

import torch
from node_helpers import conditioning_set_values

from app.engine.models import hooks as engine_hooks
from app.engine.models.hooks import HookGroup

from .hook_nodes import HOOKS, Experimental, percent
from .input_options import Option, choice, number, plug
from .value_types import Conditioning, InputTypes

_SINGLE = "advanced/hooks/cond single"
_PAIR = "advanced/hooks/cond pair"

_RANGE: Option = ("TIMESTEPS_RANGE", {"tooltip": "Part of the run in which they count."})
_MASK: Option = ("MASK", {"tooltip": "Bright where the prompt counts."})

Range = tuple[float, float]


def _prompt(tooltip: str) -> Option:
    return plug("CONDITIONING", tooltip)


class ConditioningTimestepsRange(Experimental):
    """A part of the run."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare both ends."""
        return {
            "required": {
                "start_percent": percent(0.0, "Where the part begins; 0 is the start."),
                "end_percent": percent(1.0, "Where the part ends; 1 is the end."),
            }
        }

    RETURN_TYPES = ("TIMESTEPS_RANGE", "TIMESTEPS_RANGE", "TIMESTEPS_RANGE")
    RETURN_NAMES = ("TIMESTEPS_RANGE", "BEFORE_RANGE", "AFTER_RANGE")
    FUNCTION = "create_range"
    CATEGORY = "advanced/hooks"
    DESCRIPTION = "A part of the run, what lies before it and what lies behind it."

    def create_range(self, start_percent: float, end_percent: float) -> tuple[Range, Range, Range]:
        """Return the part, and both others."""
        return ((start_percent, end_percent), (0.0, start_percent), (end_percent, 1.0))


def with_properties(
    conditioning: Conditioning,
    strength: float = 1.0,
    set_cond_area: str = "default",
    mask: torch.Tensor | None = None,
    hooks: HookGroup | None = None,
    timesteps: Range | None = None,
) -> Conditioning:
    """Return a prompt with a mask, hooks and a range; each is left as it is when None."""
    values: dict[str, Any] = {}
    if mask is not None:
        values["mask"] = mask.unsqueeze(0) if mask.ndim < 3 else mask
        values["mask_strength"] = strength
        values["set_area_to_bounds"] = set_cond_area != "default"
    if timesteps is not None:
        values["start_percent"], values["end_percent"] = timesteps
    changed: Conditioning = conditioning_set_values(conditioning, values)
    if hooks is None:
        return changed
    return [
        [tensor, {**own, "hooks": engine_hooks.join_groups((own.get("hooks"), hooks))}]
        for tensor, own in changed
    ]


def _properties() -> dict[str, Option]:
    return {
        "strength": number(1.0, 0.0, 10.0, 0.01, "Weight of the prompt inside its mask."),
        "set_cond_area": choice(
            ["default", "mask bounds"], "mask bounds computes only the box around the mask."
        ),
    }


_OPTIONAL = {"mask": _MASK, "hooks": HOOKS, "timesteps": _RANGE}


class ConditioningSetProperties(Experimental):
    """Give a prompt a mask, hooks and a range."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompt and properties."""
        return {
            "required": {"cond_NEW": _prompt("The prompt to change."), **_properties()},
            "optional": _OPTIONAL,
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "set_properties"
    CATEGORY = _SINGLE
    DESCRIPTION = "Gives a prompt a mask, hooks and a part of the run."

    def set_properties(
        self, cond_NEW: Conditioning, strength: float, set_cond_area: str, **kwargs: Any
    ) -> tuple[Conditioning]:
        """Return the changed prompt."""
        return (with_properties(cond_NEW, strength, set_cond_area, **kwargs),)


class ConditioningSetPropertiesAndCombine(Experimental):
    """Add a prompt with a mask, hooks and a range."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare both prompts and properties."""
        return {
            "required": {
                "cond": _prompt("The prompts so far."),
                "cond_NEW": _prompt("The prompt to change and add."),
                **_properties(),
            },
            "optional": _OPTIONAL,
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "set_properties"
    CATEGORY = _SINGLE
    DESCRIPTION = "Adds a prompt with a mask, hooks and a part of the run to others."

    def set_properties(
        self,
        cond: Conditioning,
        cond_NEW: Conditioning,
        strength: float,
        set_cond_area: str,
        **kwargs: Any,
    ) -> tuple[Conditioning]:
        """Return all prompts."""
        return ([*cond, *with_properties(cond_NEW, strength, set_cond_area, **kwargs)],)


def _as_default(conditioning: Conditioning, hooks: HookGroup | None) -> Conditioning:
    changed = with_properties(conditioning, hooks=hooks)
    return [[tensor, {**own, "default": True}] for tensor, own in changed]


class ConditioningSetDefaultCombine(Experimental):
    """Add a prompt for what the others leave."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare both prompts and hooks."""
        return {
            "required": {
                "cond": _prompt("The prompts with masks or areas."),
                "cond_DEFAULT": _prompt("The prompt for all the rest."),
            },
            "optional": {"hooks": HOOKS},
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "set_default_and_combine"
    CATEGORY = _SINGLE
    DESCRIPTION = "Adds a prompt that counts where no other one does."

    def set_default_and_combine(
        self, cond: Conditioning, cond_DEFAULT: Conditioning, hooks: HookGroup | None = None
    ) -> tuple[Conditioning]:
        """Return all prompts (rule D-078)."""
        return ([*cond, *_as_default(cond_DEFAULT, hooks)],)


class _Pair(Experimental):
    RETURN_TYPES = ("CONDITIONING", "CONDITIONING")
    RETURN_NAMES = ("positive", "negative")
    CATEGORY = _PAIR


class PairConditioningSetProperties(_Pair):
    """Give both prompts a mask, hooks and a range."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare both prompts and properties."""
        return {
            "required": {
                "positive_NEW": _prompt("The positive prompt to change."),
                "negative_NEW": _prompt("The negative prompt to change."),
                **_properties(),
            },
            "optional": _OPTIONAL,
        }

    FUNCTION = "set_properties"
    DESCRIPTION = "Gives a positive and a negative prompt a mask, hooks and a part of the run."

    def set_properties(
        self,
        positive_NEW: Conditioning,
        negative_NEW: Conditioning,
        strength: float,
        set_cond_area: str,
        **kwargs: Any,
    ) -> tuple[Conditioning, Conditioning]:
        """Return both changed prompts."""
        positive = with_properties(positive_NEW, strength, set_cond_area, **kwargs)
        return (positive, with_properties(negative_NEW, strength, set_cond_area, **kwargs))


class PairConditioningSetPropertiesAndCombine(_Pair):
    """Add both prompts with a mask, hooks and a range."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare four prompts and properties."""
        return {
            "required": {
                "positive": _prompt("The positive prompts so far."),
                "negative": _prompt("The negative prompts so far."),
                "positive_NEW": _prompt("The positive prompt to change and add."),
                "negative_NEW": _prompt("The negative prompt to change and add."),
                **_properties(),
            },
            "optional": _OPTIONAL,
        }

    FUNCTION = "set_properties"
    DESCRIPTION = "Adds a pair of prompts with a mask, hooks and a part of the run to others."

    def set_properties(
        self,
        positive: Conditioning,
        negative: Conditioning,
        positive_NEW: Conditioning,
        negative_NEW: Conditioning,
        strength: float,
        set_cond_area: str,
        **kwargs: Any,
    ) -> tuple[Conditioning, Conditioning]:
        """Return all prompts."""
        return (
            [*positive, *with_properties(positive_NEW, strength, set_cond_area, **kwargs)],
            [*negative, *with_properties(negative_NEW, strength, set_cond_area, **kwargs)],
        )


class PairConditioningSetDefaultCombine(_Pair):
    """Add a pair of prompts for what the others leave."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare four prompts and hooks."""
        return {
            "required": {
                "positive": _prompt("The positive prompts with masks or areas."),
                "negative": _prompt("The negative prompts with masks or areas."),
                "positive_DEFAULT": _prompt("The positive prompt for all the rest."),
                "negative_DEFAULT": _prompt("The negative prompt for all the rest."),
            },
            "optional": {"hooks": HOOKS},
        }

    FUNCTION = "set_default_and_combine"
    DESCRIPTION = "Adds a pair of prompts that count where no other ones do."

    def set_default_and_combine(
        self,
        positive: Conditioning,
        negative: Conditioning,
        positive_DEFAULT: Conditioning,
        negative_DEFAULT: Conditioning,
        hooks: HookGroup | None = None,
    ) -> tuple[Conditioning, Conditioning]:
        """Return all prompts (rule D-078)."""
        return (
            [*positive, *_as_default(positive_DEFAULT, hooks)],
            [*negative, *_as_default(negative_DEFAULT, hooks)],
        )


class PairConditioningCombine(_Pair):
    """Join two pairs of prompts."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare four prompts."""
        return {
            "required": {
                "positive_A": _prompt("The positive prompts of the first pair."),
                "negative_A": _prompt("The negative prompts of the first pair."),
                "positive_B": _prompt("The positive prompts of the second pair."),
                "negative_B": _prompt("The negative prompts of the second pair."),
            }
        }

    FUNCTION = "combine"
    DESCRIPTION = "Joins two pairs of prompts."

    def combine(
        self,
        positive_A: Conditioning,
        negative_A: Conditioning,
        positive_B: Conditioning,
        negative_B: Conditioning,
    ) -> tuple[Conditioning, Conditioning]:
        """Return both joined prompts."""
        return ([*positive_A, *positive_B], [*negative_A, *negative_B])


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        ConditioningTimestepsRange,
        ConditioningSetProperties,
        ConditioningSetPropertiesAndCombine,
        ConditioningSetDefaultCombine,
        PairConditioningSetProperties,
        PairConditioningSetPropertiesAndCombine,
        PairConditioningSetDefaultCombine,
        PairConditioningCombine,
    )
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "ConditioningTimestepsRange": "Timesteps Range",
    "ConditioningSetProperties": "Cond Set Props",
    "ConditioningSetPropertiesAndCombine": "Cond Set Props Combine",
    "ConditioningSetDefaultCombine": "Cond Set Default Combine",
    "PairConditioningSetProperties": "Cond Pair Set Props",
    "PairConditioningSetPropertiesAndCombine": "Cond Pair Set Props Combine",
    "PairConditioningSetDefaultCombine": "Cond Pair Set Default Combine",
    "PairConditioningCombine": "Cond Pair Combine",
}
