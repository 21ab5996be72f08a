"""Guide away from what a weakened model predicts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion import self_attention_guidance as sag
from app.engine.diffusion.cond_batch import calc_cond_batch
from app.engine.diffusion.conditioning import encode_entries, to_entries
from app.engine.diffusion.guidance import perp_neg
from app.engine.models.model_options import set_model_options_patch_replace

from .guidance_nodes import with_post_guidance
from .input_options import MODEL, number, plug
from .value_types import Conditioning, InputTypes

_Args = dict[str, Any]


class PerturbedAttentionGuidance(io.ComfyNode):
    """Guide away from pictures without structure."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and scale."""
        return io.Schema(
            node_id="PerturbedAttentionGuidance",
            category="model_patches/unet",
            description=(
                "Guides away from what the model makes when its parts cannot look at each other, "
                "for more structure. Each step takes one more evaluation."
            ),
            search_aliases=["PAG"],
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                io.Float.Input(
                    "scale",
                    default=3.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    round=0.01,
                    tooltip="How far to go away; 0 switches it off.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, scale: float) -> io.NodeOutput:
        """Return the model with perturbed attention guidance (arXiv:2403.17377)."""

        def values_alone(q: Any, k: Any, v: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return v

        def guided(args: _Args) -> torch.Tensor:
            result: torch.Tensor = args["denoised"]
            if scale == 0:
                return result
            options = set_model_options_patch_replace(
                args["model_options"], values_alone, "attn1", "middle", 0
            )
            (weak,) = calc_cond_batch(
                args["model"], [args["cond"]], args["input"], args["sigma"], options
            )
            strong: torch.Tensor = args["cond_denoised"]
            return result + (strong - weak) * scale

        return io.NodeOutput(with_post_guidance(model, guided))


class SelfAttentionGuidance(io.ComfyNode):
    """Guide away from blurred pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, scale and blur."""
        return io.Schema(
            node_id="SelfAttentionGuidance",
            display_name="Self-Attention Guidance",
            category="_for_testing",
            description=(
                "Blurs what the model looks at most and guides away from that, for clearer "
                "details. Each step takes one more evaluation."
            ),
            is_experimental=True,
            search_aliases=["SAG"],
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                io.Float.Input(
                    "scale",
                    default=0.5,
                    min=-2.0,
                    max=5.0,
                    step=0.01,
                    tooltip="How far to go away from the blurred picture.",
                ),
                io.Float.Input(
                    "blur_sigma",
                    default=2.0,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip="Radius of the blur in latent cells.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, scale: float, blur_sigma: float) -> io.NodeOutput:
        """Return the model with self-attention guidance (arXiv:2210.00939)."""
        recorder = sag.AttentionRecorder()

        def guided(args: _Args) -> torch.Tensor:
            result: torch.Tensor = args["denoised"]
            uncond: torch.Tensor = args["uncond_denoised"]
            # Below five cells a side the blur would see nothing but the border.
            if min(result.shape[2:]) <= sag.SMALLEST_SIDE or recorder.scores is None:
                return result
            x = args["input"]
            blurred = sag.blur_attended(uncond, recorder.scores, recorder.grid, blur_sigma)
            (weak,) = calc_cond_batch(
                args["model"], [args["uncond"]], blurred + x - uncond, args["sigma"],
                args["model_options"],
            )  # fmt: skip
            return result + (blurred - weak) * scale

        changed = with_post_guidance(model, guided, needs_negative=True)
        changed.set_model_attn1_replace(recorder, "middle", 0, 0)
        return io.NodeOutput(changed)


class PerpNeg:
    """Avoid only what differs from the prompt."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, empty prompt and scale."""
        return {
            "required": {
                "model": MODEL,
                "empty_conditioning": plug(
                    "CONDITIONING", "An empty prompt, which guidance starts from."
                ),
                "neg_scale": number(
                    1.0, 0.0, 100.0, 0.01, "How strongly the negative prompt is avoided."
                ),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "_for_testing"
    DEPRECATED = True
    EXPERIMENTAL = True
    DESCRIPTION = (
        "Avoids the negative prompt only where it differs from the positive one. "
        "PerpNegGuider does the same in one evaluation less."
    )

    def patch(self, model: Any, empty_conditioning: Conditioning, neg_scale: float) -> tuple[Any]:
        """Return the model with other guidance (rule D-066)."""
        empty = to_entries(empty_conditioning) or []

        def guided(args: _Args) -> torch.Tensor:
            network, x = args["model"], args["input"]
            entries = encode_entries(network, empty, x, x.device, "negative", {})
            (base,) = calc_cond_batch(network, [entries], x, args["sigma"], args["model_options"])
            result = perp_neg(
                args["cond_denoised"], args["uncond_denoised"], base, neg_scale,
                args["cond_scale"],
            )  # fmt: skip
            return x - result  # type: ignore[no-any-return]

        changed = model.clone()
        changed.set_model_sampler_cfg_function(guided)
        return (changed,)


def _numbers(text: str) -> list[int]:
    """Return all whole numbers in a text."""
    return [int(found) for found in re.findall(r"\d+", text)]


def _without_layers(
    options: _Args, double_layers: Sequence[int], single_layers: Sequence[int]
) -> _Args:
    """Return options under which a transformer leaves out blocks."""

    def skip(args: _Args, extra: Any) -> _Args:
        return args

    for kind, layers in (("double_block", double_layers), ("single_block", single_layers)):
        for layer in layers:
            options = set_model_options_patch_replace(options, skip, "dit", kind, layer)
    return options


def _skip_layers(
    model: Any,
    double_layers: Sequence[int],
    single_layers: Sequence[int],
    scale: float,
    start_percent: float,
    end_percent: float,
    rescaling_scale: float = 0.0,
) -> Any:
    """Return a model that guides away from itself without some layers."""
    if not double_layers and not single_layers:
        return model
    table = model.get_model_object("model_sampling")
    start, end = table.percent_to_sigma(start_percent), table.percent_to_sigma(end_percent)

    def guided(args: _Args) -> torch.Tensor:
        result: torch.Tensor = args["denoised"]
        level = float(args["sigma"][0])
        if scale <= 0 or not end <= level <= start:
            return result
        options = _without_layers(args["model_options"], double_layers, single_layers)
        (weak,) = calc_cond_batch(
            args["model"], [args["cond"]], args["input"], args["sigma"], options
        )
        cond: torch.Tensor = args["cond_denoised"]
        result = result + (cond - weak) * scale
        if rescaling_scale != 0:
            factor = float(cond.std() / result.std())
            result = result * (rescaling_scale * factor + (1.0 - rescaling_scale))
        return result

    return with_post_guidance(model, guided)


def _layers(name: str) -> io.String.Input:
    return io.String.Input(
        name,
        default="7, 8, 9",
        multiline=False,
        tooltip="Numbers of the layers to leave out, separated by commas.",
    )


def _percent(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.001, tooltip=tooltip)


def _scale(default: float = 3.0) -> io.Float.Input:
    return io.Float.Input(
        "scale",
        default=default,
        min=0.0,
        max=10.0,
        step=0.1,
        tooltip="How far to go away from the picture without these layers.",
    )


_START = "It acts from here on; 0 is the start of the run."
_END = "It acts up to here; 1 is the end of the run."


class SkipLayerGuidanceDiT(io.ComfyNode):
    """Guide away from a transformer without some layers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, layers, scale and range."""
        return io.Schema(
            node_id="SkipLayerGuidanceDiT",
            category="advanced/guidance",
            description=(
                "Guides away from what a transformer model makes without some of its layers, for "
                "more detail and structure."
            ),
            is_experimental=True,
            search_aliases=["SLG"],
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                _layers("double_layers"),
                _layers("single_layers"),
                _scale(),
                _percent("start_percent", 0.01, _START),
                _percent("end_percent", 0.15, _END),
                io.Float.Input(
                    "rescaling_scale",
                    default=0.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How far the contrast is brought back to that of the prompt alone.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        scale: float,
        start_percent: float,
        end_percent: float,
        double_layers: str = "",
        single_layers: str = "",
        rescaling_scale: float = 0.0,
    ) -> io.NodeOutput:
        """Return the model with skip-layer guidance."""
        layers = _numbers(double_layers), _numbers(single_layers)
        return io.NodeOutput(
            _skip_layers(model, *layers, scale, start_percent, end_percent, rescaling_scale)
        )


class SkipLayerGuidanceDiTSimple(io.ComfyNode):
    """Leave out layers of a transformer for the negative prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, layers and range."""
        return io.Schema(
            node_id="SkipLayerGuidanceDiTSimple",
            category="advanced/guidance",
            description=(
                "Leaves out layers of a transformer model for the negative prompt, which costs no "
                "further evaluation."
            ),
            is_experimental=True,
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                _layers("double_layers"),
                _layers("single_layers"),
                _percent("start_percent", 0.0, _START),
                _percent("end_percent", 1.0, _END),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        start_percent: float,
        end_percent: float,
        double_layers: str = "",
        single_layers: str = "",
    ) -> io.NodeOutput:
        """Return the model with a weakened negative prompt."""
        doubles, singles = _numbers(double_layers), _numbers(single_layers)
        if not doubles and not singles:
            return io.NodeOutput(model)
        changed = model.clone()
        table = model.get_model_object("model_sampling")
        start, end = table.percent_to_sigma(start_percent), table.percent_to_sigma(end_percent)

        def evaluate(args: _Args) -> list[torch.Tensor]:
            network, x, sigma = args["model"], args["input"], args["sigma"]
            options, conds = args["model_options"], args["conds"]
            if conds[1] is None or not end <= float(sigma[0]) <= start:
                return calc_cond_batch(network, conds, x, sigma, options)
            weakened = _without_layers(options, doubles, singles)
            kept = calc_cond_batch(network, [conds[0], None], x, sigma, options)[0]
            weak = calc_cond_batch(network, [None, conds[1]], x, sigma, weakened)[1]
            return [kept, weak]

        changed.set_model_sampler_calc_cond_batch_function(evaluate)
        return io.NodeOutput(changed)


class SkipLayerGuidanceSD3(io.ComfyNode):
    """Guide away from SD3 without some layers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, layers, scale and range."""
        return io.Schema(
            node_id="SkipLayerGuidanceSD3",
            category="advanced/guidance",
            description=(
                "Guides away from what SD3 makes without some of its layers, for better anatomy "
                "and structure."
            ),
            is_experimental=True,
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                _layers("layers"),
                _scale(),
                _percent("start_percent", 0.01, _START),
                _percent("end_percent", 0.15, _END),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, layers: str, scale: float, start_percent: float, end_percent: float
    ) -> io.NodeOutput:
        """Return the model with skip-layer guidance."""
        found = _numbers(layers)
        return io.NodeOutput(_skip_layers(model, found, [], scale, start_percent, end_percent))

    skip_guidance_sd3 = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        PerturbedAttentionGuidance, SelfAttentionGuidance, PerpNeg, SkipLayerGuidanceDiT,
        SkipLayerGuidanceDiTSimple, SkipLayerGuidanceSD3,
    )
}  # fmt: skip

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "PerpNeg": "Perp-Neg (DEPRECATED by PerpNegGuider)",
}
