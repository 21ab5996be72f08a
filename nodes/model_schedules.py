"""Noise levels of a model, spread over the steps of a run."""

from __future__ import annotations

from typing import Any

import comfy.samplers
from comfy._sampling import sigmas_for_denoise
from comfy_api.latest import io

from app.engine.diffusion.schedules import beta_scheduler, turbo_sigmas

_CATEGORY = "sampling/custom_sampling/schedulers"


class BasicScheduler(io.ComfyNode):
    """Noise levels by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, name and steps."""
        return io.Schema(
            node_id="BasicScheduler",
            category=_CATEGORY,
            description="Gives the noise levels of a model, spread as the scheduler says.",
            inputs=[
                io.Model.Input("model", tooltip="The model whose levels are wanted."),
                io.Combo.Input(
                    "scheduler",
                    options=comfy.samplers.SCHEDULER_NAMES,
                    tooltip="How the noise is spread over the steps.",
                ),
                io.Int.Input(
                    "steps", default=20, min=1, max=10000, tooltip="Number of steps to sample."
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much of a latent is made anew; lower keeps more of it.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, model: Any, scheduler: str, steps: int, denoise: float) -> io.NodeOutput:
        """Return the levels (rule D-030)."""
        table = model.get_model_object("model_sampling")
        return io.NodeOutput(sigmas_for_denoise(table, scheduler, steps, denoise))

    get_sigmas = execute


class BetaSamplingScheduler(io.ComfyNode):
    """Noise levels along a beta distribution."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, steps and the distribution."""
        bound = {"default": 0.6, "min": 0.0, "max": 50.0, "step": 0.01, "round": False}
        return io.Schema(
            node_id="BetaSamplingScheduler",
            category=_CATEGORY,
            description="Gives noise levels that gather at both ends, along a beta distribution.",
            inputs=[
                io.Model.Input("model", tooltip="The model whose levels are wanted."),
                io.Int.Input(
                    "steps", default=20, min=1, max=10000, tooltip="Number of steps to sample."
                ),
                io.Float.Input("alpha", **bound, tooltip="Lower puts more steps at the start."),
                io.Float.Input("beta", **bound, tooltip="Lower puts more steps at the end."),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, model: Any, steps: int, alpha: float, beta: float) -> io.NodeOutput:
        """Return the levels (rule D-027)."""
        table = model.get_model_object("model_sampling")
        return io.NodeOutput(beta_scheduler(table, steps, alpha, beta))

    get_sigmas = execute


class SDTurboScheduler(io.ComfyNode):
    """Noise levels of the turbo models."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and steps."""
        return io.Schema(
            node_id="SDTurboScheduler",
            category=_CATEGORY,
            description="Gives the noise levels of SD Turbo and SDXL Turbo.",
            inputs=[
                io.Model.Input("model", tooltip="The turbo model."),
                io.Int.Input("steps", default=1, min=1, max=10, tooltip="Number of steps."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much of a latent is made anew.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, model: Any, steps: int, denoise: float) -> io.NodeOutput:
        """Return the levels (rule D-032)."""
        table = model.get_model_object("model_sampling")
        return io.NodeOutput(turbo_sigmas(table, steps, denoise))

    get_sigmas = execute


class SamplingPercentToSigma(io.ComfyNode):
    """A noise level by its place in the run."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and place."""
        return io.Schema(
            node_id="SamplingPercentToSigma",
            category="sampling/custom_sampling/sigmas",
            description="Gives the noise level that a model has reached after a share of the run.",
            inputs=[
                io.Model.Input("model", tooltip="The model whose level is wanted."),
                io.Float.Input(
                    "sampling_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.0001,
                    tooltip="Share of the run: 0 is its start, 1 its end.",
                ),
                io.Boolean.Input(
                    "return_actual_sigma",
                    default=False,
                    tooltip=(
                        "Give the model's own first and last level at 0 and 1, instead of "
                        "numbers that lie beyond every level."
                    ),
                ),
            ],
            outputs=[io.Float.Output(display_name="sigma_value")],
        )

    @classmethod
    def execute(
        cls, model: Any, sampling_percent: float, return_actual_sigma: bool
    ) -> io.NodeOutput:
        """Return the level (rule D-042)."""
        table = model.get_model_object("model_sampling")
        sigma = float(table.percent_to_sigma(sampling_percent))
        if return_actual_sigma and sampling_percent == 0.0:
            sigma = float(table.sigma_max)
        elif return_actual_sigma and sampling_percent == 1.0:
            sigma = float(table.sigma_min)
        return io.NodeOutput(sigma)

    get_sigma = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        BasicScheduler, BetaSamplingScheduler, SDTurboScheduler, SamplingPercentToSigma,
    )
}  # fmt: skip
