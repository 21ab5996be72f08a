"""Sample with parts: noise, guider, sampler and noise levels as nodes of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy._sampling import make_sampler
from comfy_api.latest import io

from app.engine.diffusion.noise import no_noise, start_noise

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


def _cfg() -> io.Float.Input:
    return io.Float.Input(
        "cfg",
        default=8.0,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="How strictly the prompt is followed.",
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
    patcher: Any, run: Callable[..., torch.Tensor], noise: Any, latent: Latent, steps: int
) -> tuple[Latent, Latent]:
    """Return the sampled latent and the model's last estimate (rule D-067).

    Args:
        patcher: The model.
        run: Called with noise, latent, mask, callback, whether to print no bar, and the seed.
        noise: Makes the noise.
        latent: What to start from.
        steps: Number of steps.
    """
    samples = comfy.sample.fix_empty_latent_channels(patcher, latent["samples"])
    latent = {**latent, "samples": samples}
    newest: dict[str, torch.Tensor] = {}
    sampled = run(
        noise.generate_noise(latent),
        samples,
        latent.get("noise_mask"),
        latent_preview.prepare_callback(patcher, steps, newest),
        not comfy.utils.PROGRESS_BAR_ENABLED,
        noise.seed,
    )
    denoised = sampled
    if "x0" in newest:
        denoised = patcher.model.process_latent_out(newest["x0"].float()).cpu()
    return {**latent, "samples": sampled}, {**latent, "samples": denoised}


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
        sampler: Any,
        sigmas: torch.Tensor,
        latent_image: Latent,
    ) -> io.NodeOutput:
        """Return the sampled latent and the last estimate."""
        noise: Any = Noise_RandomNoise(noise_seed) if add_noise else Noise_EmptyNoise()
        noise.seed = noise_seed

        def run(
            start: torch.Tensor,
            samples: torch.Tensor,
            mask: torch.Tensor | None,
            callback: Any,
            no_bar: bool,
            seed: int,
        ) -> torch.Tensor:
            # Through the module, because packs put functions of their own in its place.
            sampled: torch.Tensor = comfy.sample.sample_custom(
                model, start, cfg, sampler, sigmas, positive, negative, samples,
                noise_mask=mask, callback=callback, disable_pbar=no_bar, seed=seed,
            )  # fmt: skip
            return sampled

        steps = sigmas.shape[-1] - 1
        return io.NodeOutput(*_sample(model, run, noise, latent_image, steps))

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
        guider: Any,
        sampler: Any,
        sigmas: torch.Tensor,
        latent_image: Latent,
    ) -> io.NodeOutput:
        """Return the sampled latent and the last estimate."""

        def run(
            start: torch.Tensor,
            samples: torch.Tensor,
            mask: torch.Tensor | None,
            callback: Any,
            no_bar: bool,
            seed: int,
        ) -> torch.Tensor:
            sampled: torch.Tensor = guider.sample(
                start, samples, sampler, sigmas, denoise_mask=mask, callback=callback,
                disable_pbar=no_bar, seed=seed,
            )  # fmt: skip
            return sampled

        steps = sigmas.shape[-1] - 1
        return io.NodeOutput(*_sample(guider.model_patcher, run, noise, latent_image, steps))

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
        SamplerCustom, SamplerCustomAdvanced, RandomNoise, DisableNoise, AddNoise, KSamplerSelect,
    )
}  # fmt: skip
