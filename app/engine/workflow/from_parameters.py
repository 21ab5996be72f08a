"""The settings text of A1111 and its kin, as an API prompt that makes the same kind of picture.

Such a text has the prompt, a line ``Negative prompt: ...`` and a line of settings
``Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model: name``.
"""

from __future__ import annotations

import re
from typing import Any, Final

Prompt = dict[str, dict[str, Any]]

_MAX_LENGTH: Final = 1_000_000
_MAX_LORAS: Final = 100
_NEGATIVE: Final = "Negative prompt:"
_SETTING: Final = re.compile(r'\s*([A-Za-z][\w /+.-]{0,60}):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_LORA: Final = re.compile(r"<lora:([^:<>]+)(?::(-?[\d.]+))?(?::[^<>]*)?>")
_SIZE: Final = re.compile(r"(\d{1,5})\s*x\s*(\d{1,5})")

_SAMPLERS: Final = {
    "euler a": "euler_ancestral",
    "euler": "euler",
    "lms": "lms",
    "heun": "heun",
    "dpm2": "dpm_2",
    "dpm2 a": "dpm_2_ancestral",
    "dpm++ 2s a": "dpmpp_2s_ancestral",
    "dpm++ 2m": "dpmpp_2m",
    "dpm++ sde": "dpmpp_sde",
    "dpm++ 2m sde": "dpmpp_2m_sde",
    "dpm++ 3m sde": "dpmpp_3m_sde",
    "dpm fast": "dpm_fast",
    "dpm adaptive": "dpm_adaptive",
    "ddim": "ddim",
    "plms": "lms",
    "unipc": "uni_pc",
    "lcm": "lcm",
    "restart": "euler",
}
_SCHEDULES: Final = {
    "karras": "karras",
    "exponential": "exponential",
    "sgm uniform": "sgm_uniform",
    "simple": "simple",
    "normal": "normal",
    "ddim": "ddim_uniform",
    "beta": "beta",
}


def prompt_from_parameters(text: str) -> Prompt | None:
    """Make an API prompt from a settings text, or return None when it is none.

    Samplers without a counterpart become Euler; a size that is missing becomes 512 x 512.
    """
    positive, negative, settings = _split(text[:_MAX_LENGTH])
    if "steps" not in settings:
        return None
    sampler, scheduler = _sampler(settings)
    width, height = _size(settings.get("size", ""))
    model: list[Any] = ["1", 0]
    clip: list[Any] = ["1", 1]
    prompt: Prompt = {
        "1": _node("CheckpointLoaderSimple", ckpt_name=_file_name(settings.get("model", "model")))
    }
    for number, (name, strength) in enumerate(_loras(positive)):
        key = str(100 + number)
        prompt[key] = _node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=_file_name(name),
            strength_model=strength,
            strength_clip=strength,
        )
        model, clip = [key, 0], [key, 1]
    skip = int(_number(settings.get("clip skip", ""), 1))
    if skip > 1:
        prompt["2"] = _node("CLIPSetLastLayer", clip=clip, stop_at_clip_layer=-min(skip, 24))
        clip = ["2", 0]
    prompt["3"] = _node("CLIPTextEncode", clip=clip, text=_LORA.sub("", positive).strip(" ,\n"))
    prompt["4"] = _node("CLIPTextEncode", clip=clip, text=negative)
    prompt["5"] = _node("EmptyLatentImage", width=width, height=height, batch_size=1)
    prompt["6"] = _node(
        "KSampler",
        model=model,
        positive=["3", 0],
        negative=["4", 0],
        latent_image=["5", 0],
        seed=max(0, int(_number(settings.get("seed", ""), 0))),
        steps=max(1, int(_number(settings["steps"], 20))),
        cfg=_number(settings.get("cfg scale", ""), 7.0),
        sampler_name=sampler,
        scheduler=scheduler,
        denoise=1.0,
    )
    prompt["7"] = _node("VAEDecode", samples=["6", 0], vae=["1", 2])
    prompt["8"] = _node("SaveImage", images=["7", 0], filename_prefix="ComfyUI")
    return prompt


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def _split(text: str) -> tuple[str, str, dict[str, str]]:
    """Return the prompt, the negative prompt and the settings by small-lettered name."""
    lines = text.strip("\0 \r\n").splitlines()
    place = next((i for i in range(len(lines) - 1, -1, -1) if "Steps: " in lines[i]), None)
    if place is None:
        return "", "", {}
    settings = {
        found[1].strip().lower(): found[2].strip().strip('"')
        for found in _SETTING.finditer(lines[place])
    }
    words = "\n".join(lines[:place])
    positive, _, negative = words.partition(_NEGATIVE)
    return positive.strip(), negative.strip(), settings


def _sampler(settings: dict[str, str]) -> tuple[str, str]:
    name = settings.get("sampler", "Euler").strip().lower()
    schedule = settings.get("schedule type", "").strip().lower()
    for word in _SCHEDULES:
        # Older versions name both at once: "DPM++ 2M Karras".
        if name.endswith(f" {word}") and name not in _SAMPLERS:
            name, schedule = name.removesuffix(f" {word}"), schedule or word
    return _SAMPLERS.get(name, "euler"), _SCHEDULES.get(schedule, "normal")


def _size(text: str) -> tuple[int, int]:
    found = _SIZE.match(text)
    if found is None:
        return 512, 512
    return max(16, int(found[1])), max(16, int(found[2]))


def _loras(text: str) -> list[tuple[str, float]]:
    found = _LORA.findall(text)[:_MAX_LORAS]
    return [(name.strip(), _number(strength, 1.0)) for name, strength in found]


def _file_name(name: str) -> str:
    has_ending = name.lower().endswith((".safetensors", ".ckpt", ".pt"))
    return name if has_ending else f"{name}.safetensors"


def _number(text: str, default: float) -> float:
    """Read a number; a whole one stays exact up to 18 digits."""
    text = text.strip()
    try:
        if re.fullmatch(r"-?\d{1,18}", text):
            return int(text)
        value = float(text)
    except ValueError:
        return default
    return value if abs(value) < 1e18 else default
