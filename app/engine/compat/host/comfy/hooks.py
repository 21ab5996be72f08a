"""``comfy.hooks``: properties of prompts, and the groups in which packs hand hooks around.

Weights that change from prompt to prompt are not supported here: setting a group that is not
empty on a prompt says so, and the functions that make such hooks are stand-ins.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import torch

from app.engine.compat.standins import NotSupportedHereError

__all__ = [
    "EnumHookMode",
    "EnumHookScope",
    "EnumHookType",
    "HookGroup",
    "HookKeyframe",
    "HookKeyframeGroup",
    "set_conds_props",
    "set_conds_props_and_combine",
    "set_default_conds_and_combine",
    "set_hooks_for_conditioning",
    "set_timesteps_for_conditioning",
]

Conditioning = list[list[Any]]


class EnumHookMode(enum.Enum):
    """What is traded for what when hooks change weights."""

    MinVram = "minvram"
    MaxSpeed = "maxspeed"


class EnumHookType(enum.Enum):
    """What a hook changes."""

    Weight = "weight"
    ObjectPatch = "object_patch"
    AdditionalModels = "add_models"
    TransformerOptions = "transformer_options"
    Injections = "add_injections"


class EnumHookScope(enum.Enum):
    """Whether a hook follows its prompt alone."""

    AllConditioning = "all_conditioning"
    HookedOnly = "hooked_only"


class HookKeyframe:
    """A strength from a moment of the run on.

    Attributes:
        strength: Factor of a hook.
        start_percent: Moment, 0 to 1.
        guarantee_steps: Steps that it lasts at least.
    """

    def __init__(
        self, strength: float, start_percent: float = 0.0, guarantee_steps: int = 1
    ) -> None:
        self.strength = strength
        self.start_percent = float(start_percent)
        self.start_t = 999999999.9
        self.guarantee_steps = guarantee_steps

    def get_effective_guarantee_steps(self, max_sigma: torch.Tensor) -> int:
        """Return the steps it lasts at least; none where it begins before the run."""
        return 0 if self.start_percent <= 0.0 and self.start_t > max_sigma else self.guarantee_steps

    def clone(self) -> HookKeyframe:
        """Return a copy."""
        twin = HookKeyframe(self.strength, self.start_percent, self.guarantee_steps)
        twin.start_t = self.start_t
        return twin


class HookKeyframeGroup:
    """Keyframes in the order of their moments."""

    def __init__(self) -> None:
        self.keyframes: list[HookKeyframe] = []

    def add(self, keyframe: HookKeyframe) -> None:
        """Add a keyframe at its place."""
        self.keyframes = sorted([*self.keyframes, keyframe], key=lambda k: k.start_percent)

    def has_index(self, index: int) -> bool:
        """Tell whether there is a keyframe of that number."""
        return 0 <= index < len(self.keyframes)

    def is_empty(self) -> bool:
        """Tell whether there is none."""
        return not self.keyframes

    def clone(self) -> HookKeyframeGroup:
        """Return a copy with copies of the keyframes."""
        twin = HookKeyframeGroup()
        twin.keyframes = [keyframe.clone() for keyframe in self.keyframes]
        return twin

    def initialize_timesteps(self, model: Any) -> None:
        """Find the noise level of each moment for a model."""
        for keyframe in self.keyframes:
            keyframe.start_t = model.model_sampling.percent_to_sigma(keyframe.start_percent)


class HookGroup:
    """Hooks that are handed around together.

    Attributes:
        hooks: The hooks.
    """

    def __init__(self) -> None:
        self.hooks: list[Any] = []

    def __len__(self) -> int:
        return len(self.hooks)

    def add(self, hook: Any) -> None:
        """Add a hook, once."""
        if hook not in self.hooks:
            self.hooks.append(hook)

    def remove(self, hook: Any) -> None:
        """Take a hook out."""
        if hook in self.hooks:
            self.hooks.remove(hook)

    def contains(self, hook: Any) -> bool:
        """Tell whether a hook is in it."""
        return hook in self.hooks

    def clone(self) -> HookGroup:
        """Return a copy with copies of the hooks that can be copied."""
        twin = HookGroup()
        for hook in self.hooks:
            twin.add(hook.clone() if hasattr(hook, "clone") else hook)
        return twin

    def clone_and_combine(self, other: HookGroup | None) -> HookGroup:
        """Return a copy with the hooks of another group behind its own."""
        twin = self.clone()
        for hook in other.hooks if other is not None else ():
            twin.add(hook)
        return twin

    @staticmethod
    def combine_all_hooks(
        hooks_list: Sequence[HookGroup | None], require_count: int = 0
    ) -> HookGroup | None:
        """Return one group of all; None where there are fewer than ``require_count``."""
        groups = [group for group in hooks_list if group is not None]
        if len(groups) < require_count or not groups:
            return None
        combined = groups[0].clone()
        for group in groups[1:]:
            combined = combined.clone_and_combine(group)
        return combined


def _with(conditioning: Conditioning, values: dict[str, Any]) -> Conditioning:
    return [[tensor, {**own, **values}] for tensor, own in conditioning]


def set_hooks_for_conditioning(
    cond: Conditioning, hooks: HookGroup | None, append_hooks: bool = True, cache: Any = None
) -> Conditioning:
    """Return a prompt with hooks.

    Raises:
        NotSupportedHereError: There are hooks.
    """
    if hooks is not None and len(hooks):
        raise NotSupportedHereError("hooks that change a model from prompt to prompt")
    return cond


def set_timesteps_for_conditioning(
    cond: Conditioning, timestep_range: tuple[float, float] | None
) -> Conditioning:
    """Return a prompt for a part of the run (0 to 1)."""
    if timestep_range is None:
        return cond
    start, end = timestep_range
    return _with(cond, {"start_percent": start, "end_percent": end})


def _set_props(
    conditioning: Conditioning,
    strength: float,
    set_cond_area: str,
    mask: torch.Tensor | None,
    hooks: HookGroup | None,
    timesteps_range: tuple[float, float] | None,
    append_hooks: bool,
) -> Conditioning:
    result = set_hooks_for_conditioning(conditioning, hooks, append_hooks)
    result = set_timesteps_for_conditioning(result, timesteps_range)
    if mask is None:
        return result
    return _with(
        result,
        {
            "mask": mask.unsqueeze(0) if mask.ndim < 3 else mask,
            "set_area_to_bounds": set_cond_area != "default",
            "mask_strength": strength,
        },
    )


def set_conds_props(
    conds: Sequence[Conditioning],
    strength: float,
    set_cond_area: str,
    mask: torch.Tensor | None = None,
    hooks: HookGroup | None = None,
    timesteps_range: tuple[float, float] | None = None,
    append_hooks: bool = True,
) -> list[Conditioning]:
    """Return prompts with a mask and a part of the run.

    Args:
        conds: The prompts.
        strength: Factor of the mask.
        set_cond_area: ``"default"``, or ``"mask bounds"`` to compute what the mask covers alone.
        mask: ``(batch, height, width)``, or None.
        hooks: An empty group, or None.
        timesteps_range: Begin and end, 0 to 1, or None.
        append_hooks: For packs.

    Raises:
        NotSupportedHereError: There are hooks.
    """
    return [
        _set_props(cond, strength, set_cond_area, mask, hooks, timesteps_range, append_hooks)
        for cond in conds
    ]


def set_conds_props_and_combine(
    conds: Sequence[Conditioning],
    new_conds: Sequence[Conditioning],
    strength: float = 1.0,
    set_cond_area: str = "default",
    mask: torch.Tensor | None = None,
    hooks: HookGroup | None = None,
    timesteps_range: tuple[float, float] | None = None,
    append_hooks: bool = True,
) -> list[Conditioning]:
    """Return prompts, each followed by a new one with properties; see :func:`set_conds_props`."""
    changed = set_conds_props(
        new_conds, strength, set_cond_area, mask, hooks, timesteps_range, append_hooks
    )
    return [[*cond, *new] for cond, new in zip(conds, changed, strict=True)]


def set_default_conds_and_combine(
    conds: Sequence[Conditioning],
    new_conds: Sequence[Conditioning],
    hooks: HookGroup | None = None,
    timesteps_range: tuple[float, float] | None = None,
    append_hooks: bool = True,
) -> list[Conditioning]:
    """Return prompts, each followed by one that fills what the others leave (D-078)."""
    result = []
    for cond, new in zip(conds, new_conds, strict=True):
        filled = set_hooks_for_conditioning(new, hooks, append_hooks)
        filled = _with(filled, {"default": True})
        result.append([*cond, *set_timesteps_for_conditioning(filled, timesteps_range)])
    return result
