"""Sample with parts: noise, guider, sampler and noise levels as nodes of their own."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.samplers
import latent_preview
import torch
from comfy_api.latest import io

from app.engine.diffusion import guidance
from app.engine.diffusion.noise import fit_empty_latent, no_noise, start_noise
from app.engine.diffusion.run import run_sampler
from app.engine.diffusion.samplers import Sampler, make_sampler
from app.engine.diffusion.schedules import beta_scheduler, sigmas_for_denoise, turbo_sigmas

from .sampling import SEED_MAX
from .value_types import Conditioning, Latent

_CUSTOM = "sampling/custom_sampling"


class Noise_EmptyNoise:
    """No noise.

    Attributes:
        seed: Of the noise of the steps.
    """

    def __init__(self) -> None:
        self.seed = 0

    def generate_noise(self, input_latent: Latent) -> torch.Tensor:
        """Return zeros in the shape of a latent (rule D-004)."""
        return no_noise(input_latent["samples"])


class Noise_RandomNoise:
    """Noise that follows from a seed.

    Args:
        seed: 0 to 2**64 - 1.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generate_noise(self, input_latent: Latent) -> torch.Tensor:
        """Return the noise of a latent and its batch indexes (rules D-001, D-003)."""
        return start_noise(input_latent["samples"], self.seed, input_latent.get("batch_index"))


def _model() -> io.Model.Input:
    return io.Model.Input("model", tooltip="The model that takes the noise out.")


def _prompt(name: str, tooltip: str) -> io.Conditioning.Input:
    return io.Conditioning.Input(name, tooltip=tooltip)


def _cfg(
    name: str = "cfg", tooltip: str = "How strictly the prompt is followed."
) -> io.Float.Input:
    return io.Float.Input(
        name, default=8.0, min=0.0, max=100.0, step=0.1, round=0.01, tooltip=tooltip
    )


def _noise_seed() -> io.Int.Input:
    return io.Int.Input(
        "noise_seed",
        default=0,
        min=0,
        max=SEED_MAX,
        control_after_generate=True,
        tooltip="Number that the noise follows from; the same gives the same.",
    )


def _latent() -> io.Latent.Input:
    return io.Latent.Input("latent_image", tooltip="The latent to start from.")


def _sigmas() -> io.Sigmas.Input:
    return io.Sigmas.Input("sigmas", tooltip="The noise levels to go through.")


def _sample(
    guider: Any, noise: Any, sampler: Sampler, sigmas: torch.Tensor, latent: Latent
) -> tuple[Latent, Latent]:
    """Return the sampled latent and the model's last estimate (rule D-067)."""
    patcher = guider.model_patcher
    form = patcher.get_model_object("latent_format")
    samples = fit_empty_latent(latent["samples"], form.latent_channels, form.latent_dimensions)
    latent = {**latent, "samples": samples}
    done = run_sampler(
        guider,
        noise.generate_noise(latent),
        sampler,
        sigmas,
        samples,
        noise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(patcher, sigmas.shape[-1] - 1),
        seed=noise.seed,
        check=comfy.model_management.throw_exception_if_processing_interrupted,
    )
    return {**latent, "samples": done.samples}, {**latent, "samples": done.denoised}


def _two_latents() -> list[io.Latent.Output]:
    return [
        io.Latent.Output("output", display_name="output", tooltip="The latent as sampled."),
        io.Latent.Output(
            "denoised_output",
            display_name="denoised_output",
            tooltip="What the model thinks the latent is without its noise.",
        ),
    ]


class SamplerCustom(io.ComfyNode):
    """Sample with a sampler and noise levels of other nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, noise, prompts, sampler, levels and latent."""
        return io.Schema(
            node_id="SamplerCustom",
            category=_CUSTOM,
            description="Samples a latent with a sampler and noise levels from other nodes.",
            inputs=[
                _model(),
                io.Boolean.Input(
                    "add_noise", default=True, tooltip="Whether noise is added at the start."
                ),
                _noise_seed(),
                _cfg(),
                _prompt("positive", "What the picture shall show."),
                _prompt("negative", "What it shall not show."),
                io.Sampler.Input("sampler", tooltip="The way the noise is taken out."),
                _sigmas(),
                _latent(),
            ],
            outputs=_two_latents(),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        add_noise: bool,
        noise_seed: int,
        cfg: float,
        positive: Conditioning,
        negative: Conditioning,
        sampler: Sampler,
        sigmas: torch.Tensor,
        latent_image: Latent,
    ) -> io.NodeOutput:
        """Return the sampled latent and the last estimate."""
        guider = guidance.CfgGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        noise: Any = Noise_RandomNoise(noise_seed) if add_noise else Noise_EmptyNoise()
        noise.seed = noise_seed
        return io.NodeOutput(*_sample(guider, noise, sampler, sigmas, latent_image))

    sample = execute


class SamplerCustomAdvanced(io.ComfyNode):
    """Sample with everything from other nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare noise, guider, sampler, levels and latent."""
        return io.Schema(
            node_id="SamplerCustomAdvanced",
            category=_CUSTOM,
            description="Samples a latent with noise, guider, sampler and levels of other nodes.",
            inputs=[
                io.Noise.Input("noise", tooltip="The noise to start with."),
                io.Guider.Input("guider", tooltip="The model with its prompts."),
                io.Sampler.Input("sampler", tooltip="The way the noise is taken out."),
                _sigmas(),
                _latent(),
            ],
            outputs=_two_latents(),
        )

    @classmethod
    def execute(
        cls,
        noise: Any,
        guider: guidance.Guider,
        sampler: Sampler,
        sigmas: torch.Tensor,
        latent_image: Latent,
    ) -> io.NodeOutput:
        """Return the sampled latent and the last estimate."""
        return io.NodeOutput(*_sample(guider, noise, sampler, sigmas, latent_image))

    sample = execute


class RandomNoise(io.ComfyNode):
    """Noise of a seed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the seed."""
        return io.Schema(
            node_id="RandomNoise",
            category=f"{_CUSTOM}/noise",
            description="Gives the noise of a seed.",
            inputs=[_noise_seed()],
            outputs=[io.Noise.Output()],
        )

    @classmethod
    def execute(cls, noise_seed: int) -> io.NodeOutput:
        """Return the source of noise."""
        return io.NodeOutput(Noise_RandomNoise(noise_seed))

    get_noise = execute


class DisableNoise(io.ComfyNode):
    """No noise."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare nothing."""
        return io.Schema(
            node_id="DisableNoise",
            category=f"{_CUSTOM}/noise",
            description="Gives no noise, for latents that hold theirs already.",
            inputs=[],
            outputs=[io.Noise.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        """Return a source of zeros."""
        return io.NodeOutput(Noise_EmptyNoise())

    get_noise = execute


class BasicScheduler(io.ComfyNode):
    """Noise levels by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, name and steps."""
        return io.Schema(
            node_id="BasicScheduler",
            category=f"{_CUSTOM}/schedulers",
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
            category=f"{_CUSTOM}/schedulers",
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
            category=f"{_CUSTOM}/schedulers",
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


class BasicGuider(io.ComfyNode):
    """One prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and prompt."""
        return io.Schema(
            node_id="BasicGuider",
            category=f"{_CUSTOM}/guiders",
            description="Guides a model by one prompt, as models such as Flux want it.",
            inputs=[_model(), _prompt("conditioning", "What the picture shall show.")],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(cls, model: Any, conditioning: Conditioning) -> io.NodeOutput:
        """Return the guider."""
        guider = guidance.BasicGuider(model)
        guider.set_conds(conditioning)
        return io.NodeOutput(guider)

    get_guider = execute


class CFGGuider(io.ComfyNode):
    """A positive and a negative prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scale."""
        return io.Schema(
            node_id="CFGGuider",
            category=f"{_CUSTOM}/guiders",
            description="Guides a model towards one prompt and away from another.",
            inputs=[
                _model(),
                _prompt("positive", "What the picture shall show."),
                _prompt("negative", "What it shall not show."),
                _cfg(),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, positive: Conditioning, negative: Conditioning, cfg: float
    ) -> io.NodeOutput:
        """Return the guider (rule D-065)."""
        guider = guidance.CfgGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        return io.NodeOutput(guider)

    get_guider = execute


class DualCFGGuider(io.ComfyNode):
    """Two positive prompts and a negative one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scales."""
        return io.Schema(
            node_id="DualCFGGuider",
            category=f"{_CUSTOM}/guiders",
            search_aliases=["dual prompt guidance"],
            description="Guides a model by two prompts, each with a strength of its own.",
            inputs=[
                _model(),
                _prompt("cond1", "The first prompt."),
                _prompt("cond2", "The second prompt, which the first one starts from."),
                _prompt("negative", "What the picture shall not show."),
                _cfg("cfg_conds", "How far to go from the second prompt to the first."),
                _cfg("cfg_cond2_negative", "How far to go from the negative to the second."),
                io.Combo.Input(
                    "style",
                    options=["regular", "nested"],
                    tooltip="nested joins the first two prompts before the negative one counts.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        cond1: Conditioning,
        cond2: Conditioning,
        negative: Conditioning,
        cfg_conds: float,
        cfg_cond2_negative: float,
        style: str,
    ) -> io.NodeOutput:
        """Return the guider (rule D-066)."""
        guider = guidance.DualCfgGuider(model)
        guider.set_conds(cond1, cond2, negative)
        guider.set_scales(cfg_conds, cfg_cond2_negative, nested=style == "nested")
        return io.NodeOutput(guider)

    get_guider = execute


class PerpNegGuider(io.ComfyNode):
    """A negative prompt that takes nothing from the positive one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scales."""
        return io.Schema(
            node_id="PerpNegGuider",
            category="_for_testing",
            is_experimental=True,
            description="Avoids the negative prompt only where it differs from the positive one.",
            inputs=[
                _model(),
                _prompt("positive", "What the picture shall show."),
                _prompt("negative", "What it shall not show."),
                _prompt("empty_conditioning", "An empty prompt, which guidance starts from."),
                _cfg(),
                io.Float.Input(
                    "neg_scale",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="How strongly the negative prompt is avoided.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Conditioning,
        negative: Conditioning,
        empty_conditioning: Conditioning,
        cfg: float,
        neg_scale: float,
    ) -> io.NodeOutput:
        """Return the guider (rule D-066)."""
        guider = guidance.PerpNegGuider(model)
        guider.set_conds(positive, negative, empty_conditioning)
        guider.set_scales(cfg, neg_scale)
        return io.NodeOutput(guider)

    get_guider = execute


class KSamplerSelect(io.ComfyNode):
    """A sampler by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the name."""
        return io.Schema(
            node_id="KSamplerSelect",
            category=f"{_CUSTOM}/samplers",
            description="Gives a sampler by its name.",
            inputs=[
                io.Combo.Input(
                    "sampler_name",
                    options=comfy.samplers.SAMPLER_NAMES,
                    tooltip="The way the noise is taken out.",
                )
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, sampler_name: str) -> io.NodeOutput:
        """Return the sampler."""
        return io.NodeOutput(make_sampler(sampler_name))

    get_sampler = execute


class AddNoise(io.ComfyNode):
    """Put noise on a latent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, noise, levels and latent."""
        return io.Schema(
            node_id="AddNoise",
            category="_for_testing/custom_sampling/noise",
            is_experimental=True,
            description="Puts as much noise on a latent as a run over the levels takes off.",
            inputs=[
                io.Model.Input("model", tooltip="The model whose kind of noise is wanted."),
                io.Noise.Input("noise", tooltip="The noise."),
                _sigmas(),
                _latent(),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, noise: Any, sigmas: torch.Tensor, latent_image: Latent
    ) -> io.NodeOutput:
        """Return the noised latent; values that are no numbers become 0."""
        if len(sigmas) == 0:
            return io.NodeOutput(latent_image)
        samples = latent_image["samples"]
        values = noise.generate_noise(latent_image)
        scale = (sigmas[0] - sigmas[-1]).abs() if len(sigmas) > 1 else sigmas[0]
        inner = model.model
        if bool(torch.count_nonzero(samples)):
            samples = inner.process_latent_in(samples)
        sampling = model.get_model_object("model_sampling")
        noised = inner.process_latent_out(sampling.noise_scaling(scale, values, samples))
        noised = torch.nan_to_num(noised, nan=0.0, posinf=0.0, neginf=0.0)
        return io.NodeOutput({**latent_image, "samples": noised})

    add_noise = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        SamplerCustom, SamplerCustomAdvanced, RandomNoise, DisableNoise, AddNoise,
        BasicScheduler, BetaSamplingScheduler, SDTurboScheduler, BasicGuider, CFGGuider,
        DualCFGGuider, PerpNegGuider, KSamplerSelect,
    )
}  # fmt: skip
