"""Make parts of attention stronger or weaker, by their weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

_CATEGORY = "_for_testing/attention_experiments"


def _factor(name: str, what: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=1.0,
        min=0.0,
        max=10.0,
        step=0.01,
        tooltip=f"Factor of {what}; 1 changes nothing.",
    )


def scale_weights(patcher: Any, factors: Mapping[str, float]) -> None:
    """Multiply weights of a patcher.

    Args:
        patcher: A clone that is changed, or a text encoder with one.
        factors: By regular expressions over whole weight names; the first match counts.
    """
    patterns = [(re.compile(text), factor) for text, factor in factors.items()]
    by_factor: dict[float, list[str]] = {}
    inner = getattr(patcher, "patcher", patcher)
    for name in inner.model_state_dict():
        factor = next((value for pattern, value in patterns if pattern.fullmatch(name)), 1.0)
        if factor != 1.0:
            by_factor.setdefault(factor, []).append(name)
    for factor, names in by_factor.items():
        patcher.add_patches(dict.fromkeys(names, (None,)), 0.0, factor)


def _attention_factors(layer: str, q: float, k: float, v: float, out: float) -> dict[str, float]:
    return {
        rf".*\.{layer}\.to_q\.weight": q,
        rf".*\.{layer}\.to_k\.weight": k,
        rf".*\.{layer}\.to_v\.weight": v,
        rf".*\.{layer}\.to_out\.0\.(weight|bias)": out,
    }


def _qkv_inputs() -> list[Any]:
    return [
        _factor("q", "what is asked for"),
        _factor("k", "what is compared"),
        _factor("v", "what is passed on"),
        _factor("out", "the result"),
    ]


class UNetSelfAttentionMultiply(io.ComfyNode):
    """Scale how cells look at each other."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and factors."""
        return io.Schema(
            node_id="UNetSelfAttentionMultiply",
            category=_CATEGORY,
            description="Scales the parts of attention between the cells of the picture.",
            is_experimental=True,
            inputs=[io.Model.Input("model", tooltip="The model to change."), *_qkv_inputs()],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, q: float, k: float, v: float, out: float) -> io.NodeOutput:
        """Return the model with scaled weights."""
        changed = model.clone()
        scale_weights(changed, _attention_factors("attn1", q, k, v, out))
        return io.NodeOutput(changed)

    patch = execute


class UNetCrossAttentionMultiply(io.ComfyNode):
    """Scale how cells look at the text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and factors."""
        return io.Schema(
            node_id="UNetCrossAttentionMultiply",
            category=_CATEGORY,
            description="Scales the parts of attention from the picture to the prompt.",
            is_experimental=True,
            inputs=[io.Model.Input("model", tooltip="The model to change."), *_qkv_inputs()],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, q: float, k: float, v: float, out: float) -> io.NodeOutput:
        """Return the model with scaled weights."""
        changed = model.clone()
        scale_weights(changed, _attention_factors("attn2", q, k, v, out))
        return io.NodeOutput(changed)

    patch = execute


class CLIPAttentionMultiply(io.ComfyNode):
    """Scale how the words of a prompt look at each other."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder and factors."""
        return io.Schema(
            node_id="CLIPAttentionMultiply",
            category=_CATEGORY,
            description="Scales the parts of attention inside the text encoder.",
            is_experimental=True,
            search_aliases=["clip attention scale"],
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder to change."),
                *_qkv_inputs(),
            ],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, clip: Any, q: float, k: float, v: float, out: float) -> io.NodeOutput:
        """Return the encoder with scaled weights."""
        parts = {"q_proj": q, "k_proj": k, "v_proj": v, "out_proj": out}
        factors = {rf".*self_attn\.{part}\.(weight|bias)": factor for part, factor in parts.items()}
        changed = clip.clone()
        scale_weights(changed, factors)
        return io.NodeOutput(changed)

    patch = execute


class UNetTemporalAttentionMultiply(io.ComfyNode):
    """Scale attention in space and in time apart."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and factors."""
        return io.Schema(
            node_id="UNetTemporalAttentionMultiply",
            category=_CATEGORY,
            description="Scales attention inside frames and between frames of film models.",
            is_experimental=True,
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                _factor("self_structural", "attention inside a frame"),
                _factor("self_temporal", "attention between frames"),
                _factor("cross_structural", "attention from a frame to the prompt"),
                _factor("cross_temporal", "attention over time to the prompt"),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        self_structural: float,
        self_temporal: float,
        cross_structural: float,
        cross_temporal: float,
    ) -> io.NodeOutput:
        """Return the model with scaled weights."""
        end = r"\.to_out\.0\.(weight|bias)"
        changed = model.clone()
        scale_weights(
            changed,
            {
                rf".*\.time_stack\..*\.attn1{end}": self_temporal,
                rf".*\.attn1{end}": self_structural,
                rf".*\.time_stack\..*\.attn2{end}": cross_temporal,
                rf".*\.attn2{end}": cross_structural,
            },
        )
        return io.NodeOutput(changed)

    patch = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        UNetSelfAttentionMultiply, UNetCrossAttentionMultiply, CLIPAttentionMultiply,
        UNetTemporalAttentionMultiply,
    )
}  # fmt: skip
