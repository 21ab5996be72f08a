"""Weight changes for one prompt alone: hooks and their keyframes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import folder_paths

from app.engine.models import hooks as engine_hooks
from app.engine.models import loading
from app.engine.models.hooks import HookGroup, Keyframe, Keyframes, WeightHook

from .input_options import Option, choice, number, plug, switch, whole
from .loaders import model_path
from .value_types import InputTypes

_CREATE = "advanced/hooks/create"
_SCHEDULING = "advanced/hooks/scheduling"

HOOKS: Option = ("HOOKS", {"tooltip": "Weight changes for these prompts alone."})


def _hook_strength(what: str) -> Option:
    return number(1.0, -20.0, 20.0, 0.01, f"How strongly {what} is changed.")


def _files(kind: str, tooltip: str) -> Option:
    return (folder_paths.get_filename_list(kind), {"tooltip": tooltip})


def percent(default: float, tooltip: str) -> Option:
    """Return an input for a place of the run, 0 to 1."""
    return number(default, 0.0, 1.0, 0.001, tooltip)


class Experimental:
    """A node whose inputs may still change."""

    EXPERIMENTAL = True


class _FileHook(Experimental):
    """A hook made of a file, which stays loaded for the next run."""

    _FILE = ("", "", "")
    """Name of the input, kind of folder, tooltip."""
    _HAS_CLIP = True
    _loaded: tuple[str, engine_hooks.PatchSource] | None = None

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare file, strengths and hooks before it."""
        name, kind, tooltip = cls._FILE
        required = {name: _files(kind, tooltip), "strength_model": _hook_strength("the model")}
        if cls._HAS_CLIP:
            required["strength_clip"] = _hook_strength("the text encoder")
        return {"required": required, "optional": {"prev_hooks": HOOKS}}

    RETURN_TYPES = ("HOOKS",)
    FUNCTION = "create_hook"
    CATEGORY = _CREATE

    def _joined(
        self,
        before: HookGroup | None,
        name: str,
        load: Callable[[str], engine_hooks.PatchSource],
        strength_model: float,
        strength_clip: float,
    ) -> tuple[HookGroup]:
        """Return the hooks before it and that of the file."""
        path = model_path(self._FILE[1], name)
        if self._loaded is None or self._loaded[0] != path:
            self._loaded = (path, load(path))
        hook = WeightHook(self._loaded[1], strength_model, strength_clip)
        return ((before or HookGroup()).joined(HookGroup((hook,))),)


class CreateHookLora(_FileHook):
    """Make a hook of a LoRA."""

    _FILE = ("lora_name", "loras", "The LoRA file.")
    DESCRIPTION = "Makes a LoRA that changes the model for one prompt alone."

    def create_hook(
        self,
        lora_name: str,
        strength_model: float,
        strength_clip: float,
        prev_hooks: HookGroup | None = None,
    ) -> tuple[HookGroup]:
        """Return the hooks before it and this one; strengths of 0 add none."""
        if strength_model == 0 and strength_clip == 0:
            return (prev_hooks or HookGroup(),)
        return self._joined(prev_hooks, lora_name, _lora_source, strength_model, strength_clip)


def _lora_source(path: str) -> engine_hooks.LoraSource:
    return engine_hooks.LoraSource(loading.load_lora_file(path))


class CreateHookLoraModelOnly(CreateHookLora):
    """Make a hook of a LoRA for the model alone."""

    _HAS_CLIP = False
    FUNCTION = "create_hook_model_only"
    DESCRIPTION = "Makes a LoRA that changes the model for one prompt, and no text encoder."

    def create_hook_model_only(
        self, lora_name: str, strength_model: float, prev_hooks: HookGroup | None = None
    ) -> tuple[HookGroup]:
        """Return the hooks before it and this one."""
        return self.create_hook(lora_name, strength_model, 0.0, prev_hooks)


class CreateHookModelAsLora(_FileHook):
    """Make a hook of another checkpoint."""

    _FILE = ("ckpt_name", "checkpoints", "The checkpoint to go towards.")
    DESCRIPTION = "Uses another checkpoint for one prompt alone, as a change of weights."

    def create_hook(
        self,
        ckpt_name: str,
        strength_model: float,
        strength_clip: float,
        prev_hooks: HookGroup | None = None,
    ) -> tuple[HookGroup]:
        """Return the hooks before it and this one."""
        return self._joined(prev_hooks, ckpt_name, _model_source, strength_model, strength_clip)


def _model_source(path: str) -> engine_hooks.ModelSource:
    found = loading.load_checkpoint(path, output_vae=False)
    network = found.model.model_state_dict() if found.model is not None else {}
    text = found.clip.patcher.model_state_dict() if found.clip is not None else {}
    return engine_hooks.ModelSource(network, text)


class CreateHookModelAsLoraModelOnly(CreateHookModelAsLora):
    """Make a hook of another checkpoint's model alone."""

    _HAS_CLIP = False
    FUNCTION = "create_hook_model_only"
    DESCRIPTION = "Uses another checkpoint's diffusion model for one prompt alone."

    def create_hook_model_only(
        self, ckpt_name: str, strength_model: float, prev_hooks: HookGroup | None = None
    ) -> tuple[HookGroup]:
        """Return the hooks before it and this one."""
        return self.create_hook(ckpt_name, strength_model, 0.0, prev_hooks)


class SetHookKeyframes(Experimental):
    """Let hooks grow and fade."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare hooks and keyframes."""
        return {
            "required": {"hooks": HOOKS},
            "optional": {"hook_kf": plug("HOOK_KEYFRAMES", "Strengths by place of the run.")},
        }

    RETURN_TYPES = ("HOOKS",)
    FUNCTION = "set_hook_keyframes"
    CATEGORY = _SCHEDULING
    DESCRIPTION = "Gives hooks other strengths in the course of the run."

    def set_hook_keyframes(
        self, hooks: HookGroup, hook_kf: Keyframes | None = None
    ) -> tuple[HookGroup]:
        """Return the hooks with keyframes."""
        return (hooks if hook_kf is None else hooks.with_keyframes(hook_kf),)


class _Frames(Experimental):
    """A node that gives keyframes."""

    RETURN_TYPES = ("HOOK_KEYFRAMES",)
    RETURN_NAMES = ("HOOK_KF",)
    CATEGORY = _SCHEDULING


_FRAMES_BEFORE: dict[str, Option] = {"prev_hook_kf": plug("HOOK_KEYFRAMES", "Further keyframes.")}


class CreateHookKeyframe(_Frames):
    """A strength from a place of the run on."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare strength, place and keyframes before it."""
        return {
            "required": {
                "strength_mult": number(1.0, -20.0, 20.0, 0.01, "Factor of the hooks' strength."),
                "start_percent": percent(0.0, "It counts from here on; 0 is the start."),
            },
            "optional": _FRAMES_BEFORE,
        }

    FUNCTION = "create_hook_keyframe"
    DESCRIPTION = "A strength for hooks from a place of the run on."

    def create_hook_keyframe(
        self, strength_mult: float, start_percent: float, prev_hook_kf: Keyframes | None = None
    ) -> tuple[Keyframes]:
        """Return the keyframes with this one."""
        frame = Keyframe(strength_mult, start_percent)
        return (engine_hooks.with_keyframe(prev_hook_kf or (), frame),)


def _with_frames(
    before: Keyframes | None, strengths: Iterable[float], percents: Iterable[float]
) -> Keyframes:
    frames = before or ()
    for strength, percent in zip(strengths, percents, strict=True):
        frames = engine_hooks.with_keyframe(frames, Keyframe(strength, percent))
    return frames


def _span_inputs(count: Option | None) -> dict[str, Option]:
    inputs = {
        "start_percent": percent(0.0, "Place of the first keyframe."),
        "end_percent": percent(1.0, "Place of the last keyframe."),
    }
    if count is not None:
        inputs["keyframes_count"] = count
    inputs["print_keyframes"] = switch(False, "Write the keyframes into the log.")
    return inputs


def _log(frames: Keyframes, wanted: bool) -> None:
    if wanted:
        import logging

        for frame in frames:
            logging.getLogger("easel.nodes").info(
                "keyframe at %.3f: strength %.3f", frame.start_percent, frame.strength
            )


class CreateHookKeyframesInterpolated(_Frames):
    """Keyframes between two strengths."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare strengths, curve, span and keyframes before them."""
        strength = {"default": 1.0, "minimum": 0.0, "maximum": 10.0, "step": 0.001}
        count = whole(5, 2, 100, "Number of keyframes.", 1)
        return {
            "required": {
                "strength_start": number(**strength, tooltip="Strength at the first keyframe."),
                "strength_end": number(**strength, tooltip="Strength at the last keyframe."),
                "interpolation": choice(engine_hooks.INTERPOLATIONS, "How it goes between them."),
                **_span_inputs(count),
            },
            "optional": _FRAMES_BEFORE,
        }

    FUNCTION = "create_hook_keyframes"
    DESCRIPTION = "Lets the strength of hooks go from one value to another over the run."

    def create_hook_keyframes(
        self,
        strength_start: float,
        strength_end: float,
        interpolation: str,
        start_percent: float,
        end_percent: float,
        keyframes_count: int,
        print_keyframes: bool = False,
        prev_hook_kf: Keyframes | None = None,
    ) -> tuple[Keyframes]:
        """Return the keyframes with these."""
        strengths = engine_hooks.interpolate(
            strength_start, strength_end, keyframes_count, interpolation
        )
        percents = engine_hooks.interpolate(start_percent, end_percent, keyframes_count)
        frames = _with_frames(prev_hook_kf, strengths, percents)
        _log(frames, print_keyframes)
        return (frames,)


class CreateHookKeyframesFromFloats(_Frames):
    """Keyframes from a list of strengths."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare strengths, span and keyframes before them."""
        floats = {"default": -1, "min": -1, "step": 0.001, "forceInput": True}
        return {
            "required": {
                "floats_strength": ("FLOATS", {**floats, "tooltip": "Strengths in order."}),
                **_span_inputs(None),
            },
            "optional": _FRAMES_BEFORE,
        }

    FUNCTION = "create_hook_keyframes"
    DESCRIPTION = "Spreads a list of strengths over the run."

    def create_hook_keyframes(
        self,
        floats_strength: float | Iterable[float],
        start_percent: float,
        end_percent: float,
        print_keyframes: bool = False,
        prev_hook_kf: Keyframes | None = None,
    ) -> tuple[Keyframes]:
        """Return the keyframes with these."""
        if isinstance(floats_strength, (int, float)):
            strengths = [float(floats_strength)]
        else:
            strengths = [float(value) for value in floats_strength]
        percents = engine_hooks.interpolate(start_percent, end_percent, len(strengths))
        frames = _with_frames(prev_hook_kf, strengths, percents)
        _log(frames, print_keyframes)
        return (frames,)


class CombineHooks8(Experimental):
    """Join hooks."""

    _NAMES = tuple(f"hooks_{letter}" for letter in "ABCDEFGH")

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare hooks."""
        return {"required": {}, "optional": dict.fromkeys(cls._NAMES, HOOKS)}

    RETURN_TYPES = ("HOOKS",)
    FUNCTION = "combine_hooks"
    CATEGORY = "advanced/hooks/combine"
    DESCRIPTION = "Joins hooks, so that they act together."

    def combine_hooks(self, **kwargs: HookGroup | None) -> tuple[HookGroup | None]:
        """Return all hooks."""
        return (engine_hooks.join_groups(kwargs.get(name) for name in self._NAMES),)


class CombineHooks4(CombineHooks8):
    """Join hooks."""

    _NAMES = CombineHooks8._NAMES[:4]


class CombineHooks2(CombineHooks8):
    """Join hooks."""

    _NAMES = CombineHooks8._NAMES[:2]


class SetClipHooks(Experimental):
    """Let hooks change the text encoder."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare encoder, what the hooks reach, and hooks."""
        return {
            "required": {
                "clip": plug("CLIP", "The text encoder."),
                "apply_to_conds": switch(True, "Let its prompts carry the hooks to the model."),
                "schedule_clip": switch(False, "Encode prompts anew for each keyframe."),
            },
            "optional": {"hooks": HOOKS},
        }

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "apply_hooks"
    CATEGORY = "advanced/hooks/clip"
    DESCRIPTION = "Lets hooks change the text encoder, and the model for its prompts."

    def apply_hooks(
        self,
        clip: Any,
        apply_to_conds: bool,
        schedule_clip: bool,
        hooks: HookGroup | None = None,
    ) -> tuple[Any]:
        """Return a changed view of the encoder."""
        if hooks is None:
            return (clip,)
        changed = clip.clone()
        changed.set_hooks(hooks, apply_to_conds, schedule_clip)
        return (changed,)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CreateHookLora,
        CreateHookLoraModelOnly,
        CreateHookModelAsLora,
        CreateHookModelAsLoraModelOnly,
        SetHookKeyframes,
        CreateHookKeyframe,
        CreateHookKeyframesInterpolated,
        CreateHookKeyframesFromFloats,
        CombineHooks2,
        CombineHooks4,
        CombineHooks8,
        SetClipHooks,
    )
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "CreateHookLora": "Create Hook LoRA",
    "CreateHookLoraModelOnly": "Create Hook LoRA (MO)",
    "CreateHookModelAsLora": "Create Hook Model as LoRA",
    "CreateHookModelAsLoraModelOnly": "Create Hook Model as LoRA (MO)",
    "SetHookKeyframes": "Set Hook Keyframes",
    "CreateHookKeyframe": "Create Hook Keyframe",
    "CreateHookKeyframesInterpolated": "Create Hook Keyframes Interp.",
    "CreateHookKeyframesFromFloats": "Create Hook Keyframes From Floats",
    "CombineHooks2": "Combine Hooks [2]",
    "CombineHooks4": "Combine Hooks [4]",
    "CombineHooks8": "Combine Hooks [8]",
    "SetClipHooks": "Set CLIP Hooks",
}
