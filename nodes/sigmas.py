"""Make and change lists of noise levels."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion import sigmas as levels

_SCHEDULERS = "sampling/custom_sampling/schedulers"
_SIGMAS = "sampling/custom_sampling/sigmas"


def _steps(default: int = 20, maximum: int = 10000) -> io.Int.Input:
    return io.Int.Input(
        "steps", default=default, min=1, max=maximum, tooltip="Number of steps to sample."
    )


def _level(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name, default=default, min=0.0, max=5000.0, step=0.01, round=False, tooltip=tooltip
    )


def _bounds() -> list[io.Float.Input]:
    return [
        _level("sigma_max", 14.614642, "Noise level to begin with."),
        _level("sigma_min", 0.0291675, "Last noise level before 0."),
    ]


def _input() -> io.Sigmas.Input:
    return io.Sigmas.Input("sigmas", tooltip="The noise levels to change.")


class KarrasScheduler(io.ComfyNode):
    """Noise levels after Karras."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps, bounds and curvature."""
        return io.Schema(
            node_id="KarrasScheduler",
            category=_SCHEDULERS,
            description="Noise levels that come closer together near the end, after Karras et al.",
            inputs=[
                _steps(),
                *_bounds(),
                io.Float.Input(
                    "rho",
                    default=7.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    round=False,
                    tooltip="Curvature; larger values put more steps near the end.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, sigma_max: float, sigma_min: float, rho: float) -> io.NodeOutput:
        """Return the levels (rule D-024)."""
        return io.NodeOutput(levels.karras_sigmas(steps, sigma_min, sigma_max, rho))

    get_sigmas = execute


class ExponentialScheduler(io.ComfyNode):
    """Noise levels that fall by a constant factor."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps and bounds."""
        return io.Schema(
            node_id="ExponentialScheduler",
            category=_SCHEDULERS,
            description="Noise levels that fall by the same factor in each step.",
            inputs=[_steps(), *_bounds()],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, sigma_max: float, sigma_min: float) -> io.NodeOutput:
        """Return the levels (rule D-025)."""
        return io.NodeOutput(levels.exponential_sigmas(steps, sigma_min, sigma_max))

    get_sigmas = execute


class PolyexponentialScheduler(io.ComfyNode):
    """Noise levels along a power of the exponential."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps, bounds and curvature."""
        return io.Schema(
            node_id="PolyexponentialScheduler",
            category=_SCHEDULERS,
            description="Noise levels that fall exponentially along a curve.",
            inputs=[
                _steps(),
                *_bounds(),
                io.Float.Input(
                    "rho",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    round=False,
                    tooltip="Curvature; 1 is plainly exponential.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, sigma_max: float, sigma_min: float, rho: float) -> io.NodeOutput:
        """Return the levels (rule D-032)."""
        return io.NodeOutput(levels.polyexponential_sigmas(steps, sigma_min, sigma_max, rho))

    get_sigmas = execute


class LaplaceScheduler(io.ComfyNode):
    """Noise levels that gather in the middle."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps, bounds and a distribution."""
        return io.Schema(
            node_id="LaplaceScheduler",
            category=_SCHEDULERS,
            description="Noise levels that gather around a middle, where most is decided.",
            inputs=[
                _steps(),
                *_bounds(),
                io.Float.Input(
                    "mu",
                    default=0.0,
                    min=-10.0,
                    max=10.0,
                    step=0.1,
                    round=False,
                    tooltip="The middle, as a logarithm.",
                ),
                io.Float.Input(
                    "beta",
                    default=0.5,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    round=False,
                    tooltip="How widely the levels spread.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(
        cls, steps: int, sigma_max: float, sigma_min: float, mu: float, beta: float
    ) -> io.NodeOutput:
        """Return the levels (rule D-032)."""
        return io.NodeOutput(levels.laplace_sigmas(steps, sigma_min, sigma_max, mu, beta))

    get_sigmas = execute


class VPScheduler(io.ComfyNode):
    """Noise levels of the variance-preserving process."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps and the process."""
        return io.Schema(
            node_id="VPScheduler",
            category=_SCHEDULERS,
            description="Noise levels of the variance-preserving diffusion process.",
            inputs=[
                _steps(),
                _level("beta_d", 19.9, "How fast the noise rate grows."),
                _level("beta_min", 0.1, "Noise rate at the beginning."),
                io.Float.Input(
                    "eps_s",
                    default=0.001,
                    min=0.0,
                    max=1.0,
                    step=0.0001,
                    round=False,
                    tooltip="Time of the last level before 0.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, beta_d: float, beta_min: float, eps_s: float) -> io.NodeOutput:
        """Return the levels (rule D-032)."""
        return io.NodeOutput(levels.vp_sigmas(steps, beta_d, beta_min, eps_s))

    get_sigmas = execute


class AlignYourStepsScheduler(io.ComfyNode):
    """Noise levels optimised for few steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a model family, steps and a part."""
        return io.Schema(
            node_id="AlignYourStepsScheduler",
            category=_SCHEDULERS,
            description="Noise levels that were optimised for good pictures in few steps.",
            inputs=[
                io.Combo.Input(
                    "model_type",
                    options=list(levels.ALIGN_YOUR_STEPS),
                    tooltip="The family your model belongs to.",
                ),
                _steps(default=10),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the way to go; 1 starts from pure noise.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, model_type: str, steps: int, denoise: float) -> io.NodeOutput:
        """Return the last part of the levels; nothing for a denoise of 0."""
        if denoise <= 0:
            return io.NodeOutput(torch.FloatTensor([]))
        kept = steps if denoise >= 1.0 else round(steps * denoise)
        sigmas = levels.align_your_steps_sigmas(model_type, steps)
        return io.NodeOutput(sigmas[-(kept + 1) :])

    get_sigmas = execute


class Flux2Scheduler(io.ComfyNode):
    """Noise levels for Flux 2."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare steps and the size of the picture."""
        side: dict[str, Any] = {"default": 1024, "min": 16, "max": 16384, "step": 1}
        return io.Schema(
            node_id="Flux2Scheduler",
            category=_SCHEDULERS,
            description="Noise levels for Flux 2, which depend on the size of the picture.",
            inputs=[
                _steps(maximum=4096),
                io.Int.Input("width", **side, tooltip="Width of the picture in pixels."),
                io.Int.Input("height", **side, tooltip="Height of the picture in pixels."),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, width: int, height: int) -> io.NodeOutput:
        """Return the levels."""
        return io.NodeOutput(levels.flux2_sigmas(steps, width, height))


class ManualSigmas(io.ComfyNode):
    """Type noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text."""
        return io.Schema(
            node_id="ManualSigmas",
            category="_for_testing/custom_sampling",
            description="Noise levels that you type yourself.",
            is_experimental=True,
            inputs=[
                io.String.Input(
                    "sigmas",
                    default="1, 0.5",
                    multiline=False,
                    tooltip="Numbers without exponent; what stands between them is ignored.",
                )
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, sigmas: str) -> io.NodeOutput:
        """Return the numbers of the text (rule D-033)."""
        return io.NodeOutput(levels.parse_sigmas(sigmas))


class SplitSigmas(io.ComfyNode):
    """Split noise levels at a step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare levels and a step."""
        return io.Schema(
            node_id="SplitSigmas",
            category=_SIGMAS,
            description="Splits noise levels at a step, to sample in two stages.",
            inputs=[
                _input(),
                io.Int.Input(
                    "step", default=0, min=0, max=10000, tooltip="First step of the second stage."
                ),
            ],
            outputs=[
                io.Sigmas.Output(display_name="high_sigmas"),
                io.Sigmas.Output(display_name="low_sigmas"),
            ],
        )

    @classmethod
    def execute(cls, sigmas: torch.Tensor, step: int) -> io.NodeOutput:
        """Return both parts; the level at the split is in both."""
        return io.NodeOutput(sigmas[: step + 1], sigmas[step:])

    get_sigmas = execute


class SplitSigmasDenoise(io.ComfyNode):
    """Split noise levels at a part of the way."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare levels and a part."""
        return io.Schema(
            node_id="SplitSigmasDenoise",
            category=_SIGMAS,
            description="Splits noise levels so that the second stage does a part of the steps.",
            inputs=[
                _input(),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the steps in the second stage.",
                ),
            ],
            outputs=[
                io.Sigmas.Output(display_name="high_sigmas"),
                io.Sigmas.Output(display_name="low_sigmas"),
            ],
        )

    @classmethod
    def execute(cls, sigmas: torch.Tensor, denoise: float) -> io.NodeOutput:
        """Return both parts (rule D-033)."""
        return io.NodeOutput(*levels.split_by_denoise(sigmas, denoise))

    get_sigmas = execute


class FlipSigmas(io.ComfyNode):
    """Reverse noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare levels."""
        return io.Schema(
            node_id="FlipSigmas",
            category=_SIGMAS,
            description="Reverses noise levels, to go from a picture back to noise.",
            inputs=[_input()],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, sigmas: torch.Tensor) -> io.NodeOutput:
        """Return the reversed levels (rule D-033)."""
        return io.NodeOutput(levels.flip_sigmas(sigmas))

    get_sigmas = execute


class SetFirstSigma(io.ComfyNode):
    """Set the first noise level."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare levels and a value."""
        return io.Schema(
            node_id="SetFirstSigma",
            category=_SIGMAS,
            description="Sets the noise level to begin with.",
            inputs=[
                _input(),
                io.Float.Input(
                    "sigma",
                    default=136.0,
                    min=0.0,
                    max=20000.0,
                    step=0.001,
                    round=False,
                    tooltip="The new first level.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, sigmas: torch.Tensor, sigma: float) -> io.NodeOutput:
        """Return the changed levels; an empty list stays empty."""
        changed = sigmas.clone()
        changed[:1] = sigma
        return io.NodeOutput(changed)

    set_first_sigma = execute


class ExtendIntermediateSigmas(io.ComfyNode):
    """Insert noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare levels, a number, a range and a spacing."""
        bound: dict[str, Any] = {"max": 20000.0, "step": 0.01, "round": False}
        return io.Schema(
            node_id="ExtendIntermediateSigmas",
            category=_SIGMAS,
            description="Inserts noise levels between others, to spend more steps in a range.",
            inputs=[
                _input(),
                io.Int.Input(
                    "steps", default=2, min=1, max=100, tooltip="How many steps one step becomes."
                ),
                io.Float.Input(
                    "start_at_sigma",
                    default=-1.0,
                    min=-1.0,
                    **bound,
                    tooltip="Highest level to insert after; -1 is the beginning.",
                ),
                io.Float.Input(
                    "end_at_sigma",
                    default=12.0,
                    min=0.0,
                    **bound,
                    tooltip="Lowest level to insert after.",
                ),
                io.Combo.Input(
                    "spacing",
                    options=list(levels.SPACINGS),
                    tooltip="How the new levels lie between the old ones.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(
        cls,
        sigmas: torch.Tensor,
        steps: int,
        start_at_sigma: float,
        end_at_sigma: float,
        spacing: str,
    ) -> io.NodeOutput:
        """Return the longer list."""
        extended = levels.extend_sigmas(sigmas, steps, start_at_sigma, end_at_sigma, spacing)
        return io.NodeOutput(extended)

    extend = execute


NODE_CLASS_MAPPINGS = {
    "KarrasScheduler": KarrasScheduler,
    "ExponentialScheduler": ExponentialScheduler,
    "PolyexponentialScheduler": PolyexponentialScheduler,
    "LaplaceScheduler": LaplaceScheduler,
    "VPScheduler": VPScheduler,
    "AlignYourStepsScheduler": AlignYourStepsScheduler,
    "Flux2Scheduler": Flux2Scheduler,
    "ManualSigmas": ManualSigmas,
    "SplitSigmas": SplitSigmas,
    "SplitSigmasDenoise": SplitSigmasDenoise,
    "FlipSigmas": FlipSigmas,
    "SetFirstSigma": SetFirstSigma,
    "ExtendIntermediateSigmas": ExtendIntermediateSigmas,
}
