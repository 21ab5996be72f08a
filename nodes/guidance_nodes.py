"""Change how the predictions for two prompts become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion import guidance_math

from .input_options import MODEL, number
from .value_types import InputTypes

HookValues = dict[str, Any]
"""What a hook of guidance gets (rule D-065)."""


def with_post_guidance(
    model: Any, function: Callable[[HookValues], torch.Tensor], *, needs_negative: bool = False
) -> Any:
    """Return a clone with a function that runs after guidance.

    Args:
        model: The patcher.
        function: From the hook's values (rule D-065) to the new latent.
        needs_negative: Whether the negative prompt is evaluated even at a scale of 1.
    """
    changed = model.clone()
    changed.set_model_sampler_post_cfg_function(function, disable_cfg1_optimization=needs_negative)
    return changed


def has_both(args: HookValues) -> bool:
    """Tell whether a hook before guidance has a positive and a negative prediction."""
    conds = args["conds"][:2]
    return len(args["conds_out"]) > 1 and all(entries is not None for entries in conds)


def model_input() -> io.Model.Input:
    """Return the input for the model that is changed."""
    return io.Model.Input("model", tooltip="The model to change.")


def patched_model() -> io.Model.Output:
    """Return the output for the changed model."""
    return io.Model.Output(display_name="patched_model", tooltip="The changed model.")


class CFGZeroStar(io.ComfyNode):
    """Guide from a better unconditional prediction."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the model."""
        return io.Schema(
            node_id="CFGZeroStar",
            category="advanced/guidance",
            description=(
                "Scales the negative prediction so that it fits the positive one best, which "
                "gives flow models cleaner pictures."
            ),
            inputs=[model_input()],
            outputs=[patched_model()],
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        """Return the model with CFG-Zero* (arXiv:2503.18886)."""

        def corrected(args: HookValues) -> torch.Tensor:
            return guidance_math.zero_star(
                args["denoised"],
                args["cond_denoised"],
                args["uncond_denoised"],
                args["input"],
                args["cond_scale"],
            )

        return io.NodeOutput(with_post_guidance(model, corrected))


class CFGNorm(io.ComfyNode):
    """Keep guided values as long as unguided ones."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and strength."""
        return io.Schema(
            node_id="CFGNorm",
            category="advanced/guidance",
            description="Keeps strong guidance from making values larger than the prompt wants.",
            is_experimental=True,
            inputs=[
                model_input(),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Factor of the result; 1 is as the method has it.",
                ),
            ],
            outputs=[patched_model()],
        )

    @classmethod
    def execute(cls, model: Any, strength: float) -> io.NodeOutput:
        """Return the model with limited guidance."""

        def limited(args: HookValues) -> torch.Tensor:
            guided: torch.Tensor = args["denoised"]
            wanted = torch.linalg.vector_norm(args["cond_denoised"], dim=1, keepdim=True)
            found = torch.linalg.vector_norm(guided, dim=1, keepdim=True)
            factor: torch.Tensor = (wanted / (found + 1e-8)).clamp(0.0, 1.0) * strength
            return guided * factor

        return io.NodeOutput(with_post_guidance(model, limited))


class TCFG(io.ComfyNode):
    """Take out of the negative prediction what leads away from pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the model."""
        return io.Schema(
            node_id="TCFG",
            display_name="Tangential Damping CFG",
            category="advanced/guidance",
            description=(
                "Keeps of the negative prediction only what it shares with the positive one, "
                "for cleaner pictures."
            ),
            inputs=[model_input()],
            outputs=[patched_model()],
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        """Return the model with tangential damping (arXiv:2503.18137)."""

        def damped(args: HookValues) -> list[torch.Tensor]:
            found: list[torch.Tensor] = args["conds_out"]
            if not has_both(args):
                return found
            x = args["input"]
            negative = guidance_math.tangential_damping(x - found[0], x - found[1])
            return [found[0], x - negative, *found[2:]]

        changed = model.clone()
        changed.set_model_sampler_pre_cfg_function(damped)
        return io.NodeOutput(changed)


class APG(io.ComfyNode):
    """Guide without burning colours."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, direction, limit and momentum."""
        return io.Schema(
            node_id="APG",
            display_name="Adaptive Projected Guidance",
            category="sampling/custom_sampling",
            description="Guides strongly without too much colour, by limiting the direction.",
            inputs=[
                model_input(),
                io.Float.Input(
                    "eta",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How much of the direction along the picture stays; 0 is the method's.",
                ),
                io.Float.Input(
                    "norm_threshold",
                    default=5.0,
                    min=0.0,
                    max=50.0,
                    step=0.1,
                    tooltip="Longest step that guidance may take; 0 sets no limit.",
                ),
                io.Float.Input(
                    "momentum",
                    default=0.0,
                    min=-5.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the step before that counts again; below 0 it is taken off.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, eta: float, norm_threshold: float, momentum: float
    ) -> io.NodeOutput:
        """Return the model with projected guidance (arXiv:2410.02416)."""
        state = guidance_math.ProjectedGuidance(eta, norm_threshold, momentum)

        def projected(args: HookValues) -> list[torch.Tensor]:
            found: list[torch.Tensor] = args["conds_out"]
            if len(found) < 2:
                return found
            level = float(args["sigma"][0])
            cond = state.conditional(found[0], found[1], level, args["cond_scale"])
            return [cond, *found[1:]]

        changed = model.clone()
        changed.set_model_sampler_pre_cfg_function(projected)
        return io.NodeOutput(changed)


class FreSca(io.ComfyNode):
    """Guide shapes and details apart."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, two scales and where they part."""
        scale = {"min": 0.0, "max": 10.0, "step": 0.01}
        return io.Schema(
            node_id="FreSca",
            category="_for_testing",
            description="Scales guidance of rough shapes and of fine details apart.",
            is_experimental=True,
            inputs=[
                model_input(),
                io.Float.Input(
                    "scale_low", default=1.0, **scale, tooltip="Factor for the rough shapes."
                ),
                io.Float.Input(
                    "scale_high", default=1.25, **scale, tooltip="Factor for the fine details."
                ),
                io.Int.Input(
                    "freq_cutoff",
                    default=20,
                    min=1,
                    max=10000,
                    step=1,
                    tooltip="Waves across half the latent that count as rough shapes.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, scale_low: float, scale_high: float, freq_cutoff: int
    ) -> io.NodeOutput:
        """Return the model with guidance scaled by frequency (arXiv:2504.02154)."""

        def scaled(args: HookValues) -> list[torch.Tensor]:
            found: list[torch.Tensor] = args["conds_out"]
            if not has_both(args):
                return found
            step = guidance_math.scale_frequencies(
                found[0] - found[1], scale_low, scale_high, freq_cutoff
            )
            return [found[1] + step, *found[1:]]

        changed = model.clone()
        changed.set_model_sampler_pre_cfg_function(scaled)
        return io.NodeOutput(changed)


class Mahiro(io.ComfyNode):
    """Follow the positive prompt more than the difference to the negative."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the model."""
        return io.Schema(
            node_id="Mahiro",
            display_name="Mahiro CFG",
            category="_for_testing",
            description=(
                "Leans on the positive prompt itself where both prompts say much the same, "
                "instead of on their difference."
            ),
            is_experimental=True,
            search_aliases=["mahiro is so cute", "similarity adaptive guidance"],
            inputs=[model_input()],
            outputs=[patched_model()],
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        """Return the model with guidance mixed by likeness."""

        def mixed(args: HookValues) -> torch.Tensor:
            return guidance_math.similarity_mix(
                args["denoised"], args["cond_denoised"], args["uncond_denoised"],
                args["cond_scale"],
            )  # fmt: skip

        return io.NodeOutput(with_post_guidance(model, mixed))


class RenormCFG:
    """Guide up to a noise level, and no further than a length."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, level and length."""
        return {
            "required": {
                "model": MODEL,
                "cfg_trunc": number(
                    100, 0.0, 100.0, 0.01, "Guidance works below this noise level only."
                ),
                "renorm_cfg": number(
                    1.0, 0.0, 100.0, 0.01,
                    "Longest result, in lengths of the unguided one; 0 sets no limit.",
                ),
            }
        }  # fmt: skip

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Limits how far guidance may go, as Lumina 2 wants it."

    def patch(self, model: Any, cfg_trunc: float, renorm_cfg: float) -> tuple[Any]:
        """Return the model with limited guidance."""

        def limited(args: HookValues) -> torch.Tensor:
            cond, x = args["cond_denoised"], args["input"]
            if not bool(args["timestep"][0] < cfg_trunc):
                return x - cond  # type: ignore[no-any-return]
            guided = args["uncond_denoised"] + args["cond_scale"] * (cond - args["uncond_denoised"])
            if renorm_cfg > 0.0:
                axes = tuple(range(1, cond.ndim))
                longest = torch.linalg.vector_norm(cond, dim=axes, keepdim=True) * renorm_cfg
                length = torch.linalg.vector_norm(guided, dim=axes, keepdim=True)
                guided = torch.where(length >= longest, guided * (longest / length), guided)
            return x - guided  # type: ignore[no-any-return]

        changed = model.clone()
        changed.set_model_sampler_cfg_function(limited)
        return (changed,)


class LatentApplyOperationCFG(io.ComfyNode):
    """Apply an operation to guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and operation."""
        return io.Schema(
            node_id="LatentApplyOperationCFG",
            category="latent/advanced/operations",
            description="Applies a latent operation to what guidance adds in each step.",
            is_experimental=True,
            inputs=[
                model_input(),
                io.LatentOperation.Input(
                    "operation", tooltip="What is done to the difference of both prompts."
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, operation: Callable[..., torch.Tensor]) -> io.NodeOutput:
        """Return the model with the operation before guidance."""

        def applied(args: HookValues) -> list[torch.Tensor]:
            found: list[torch.Tensor] = args["conds_out"]
            if len(found) == 2:
                return [operation(latent=found[0] - found[1]) + found[1], found[1]]
            return [operation(latent=found[0]), *found[1:]]

        changed = model.clone()
        changed.set_model_sampler_pre_cfg_function(applied)
        return io.NodeOutput(changed)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "CFGZeroStar": CFGZeroStar,
    "CFGNorm": CFGNorm,
    "TCFG": TCFG,
    "APG": APG,
    "FreSca": FreSca,
    "Mahiro": Mahiro,
    "RenormCFG": RenormCFG,
    "LatentApplyOperationCFG": LatentApplyOperationCFG,
}
