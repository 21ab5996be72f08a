"""Samplers that only nodes offer."""

from __future__ import annotations

from comfy_api.latest import io

from app.engine.diffusion.samplers import Sampler, make_sampler
from app.engine.diffusion.samplers.variants import sample_euler_towards_uncond, sample_lcm_upscale

_METHODS = ["bislerp", "nearest-exact", "bilinear", "area", "bicubic"]


class SamplerEulerCFGpp(io.ComfyNode):
    """Euler steps for low guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the version."""
        return io.Schema(
            node_id="SamplerEulerCFGpp",
            display_name="SamplerEulerCFG++",
            category="_for_testing",
            description="Euler steps after CFG++, for guidance of about 1.",
            is_experimental=True,
            inputs=[
                io.Combo.Input(
                    "version",
                    options=["regular", "alternative"],
                    tooltip="regular is euler_cfg_pp; alternative holds more of the prompt.",
                )
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, version: str) -> io.NodeOutput:
        """Return the sampler."""
        if version == "alternative":
            return io.NodeOutput(Sampler("euler_pp", sample_euler_towards_uncond))
        return io.NodeOutput(make_sampler("euler_cfg_pp"))

    get_sampler = execute


class SamplerLCMUpscale(io.ComfyNode):
    """LCM steps that make the picture larger."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare size and steps."""
        return io.Schema(
            node_id="SamplerLCMUpscale",
            category="sampling/custom_sampling/samplers",
            description="LCM steps that make the latent larger on the way.",
            inputs=[
                io.Float.Input(
                    "scale_ratio",
                    default=1.0,
                    min=0.1,
                    max=20.0,
                    step=0.01,
                    tooltip="How many times wider and higher the result is.",
                ),
                io.Int.Input(
                    "scale_steps",
                    default=-1,
                    min=-1,
                    max=1000,
                    step=1,
                    tooltip="Steps over which it grows; -1 is the first half of the run.",
                ),
                io.Combo.Input(
                    "upscale_method", options=_METHODS, tooltip="How the latent is enlarged."
                ),
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, scale_ratio: float, scale_steps: int, upscale_method: str) -> io.NodeOutput:
        """Return the sampler."""
        options = {
            "total_upscale": scale_ratio,
            "upscale_steps": None if scale_steps < 0 else scale_steps,
            "upscale_method": upscale_method,
        }
        return io.NodeOutput(Sampler("lcm_upscale", sample_lcm_upscale, options))

    get_sampler = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "SamplerEulerCFGpp": SamplerEulerCFGpp,
    "SamplerLCMUpscale": SamplerLCMUpscale,
}
