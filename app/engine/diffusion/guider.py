"""What is sampled: a model with prompts, and the run around a sampler (D-060 to D-068).

Method names and parameters are those that node packs override and call: :meth:`Guider.sample`
calls :meth:`Guider.outer_sample`, that :meth:`Guider.inner_sample`, that the sampler, and the
sampler the guider itself, once for each evaluation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from app.engine.diffusion.conditioning import prepare_conds, to_entries
from app.engine.diffusion.inpainting import prepare_noise_mask
from app.engine.diffusion.model import CondEntry, Conditioning, CondLists, PatchedModel
from app.engine.diffusion.samplers.sampler import StepCallback
from app.engine.models.model_options import copy_model_options
from app.engine.models.stopping import Check, stop_between_blocks
from app.engine.models.wrappers import (
    OUTER_SAMPLE,
    PREDICT_NOISE,
    SAMPLER_SAMPLE,
    WrapperExecutor,
    all_wrappers,
)

Entries = list[CondEntry] | None


class Guider:
    """A model with prompts; gives one denoised latent a call.

    Subclasses say in :meth:`predict_noise` how the predictions come together.

    Args:
        model: The patched model.

    Attributes:
        model_patcher: The patched model.
        model_options: Its hooks, which a run may add to.
        original_conds: Entries by role as they were set.
        conds: Entries by role of the present run.
        inner_model: The network, during a run.
        cfg: Guidance scale.
        check: Called before each prediction and between the blocks of the network; raises to
            stop the run.
    """

    def __init__(self, model: PatchedModel) -> None:
        self.model_patcher = model
        self.model_options: dict[str, Any] = model.model_options
        self.original_conds: dict[str, Entries] = {}
        self.conds: CondLists = {}
        self.inner_model: Any = None
        self.cfg = 1.0
        self.check: Check | None = None

    def set_cfg(self, cfg: float) -> None:
        """Set the guidance scale."""
        self.cfg = cfg

    def set_entries(self, **conds: Conditioning | None) -> None:
        """Set prompts by role."""
        self.inner_set_conds(conds)

    def inner_set_conds(self, conds: dict[str, Any]) -> None:
        """Set prompts by role, from a dictionary."""
        for role, conditioning in conds.items():
            self.original_conds[role] = to_entries(conditioning)

    def __call__(
        self,
        x: torch.Tensor,
        sigma: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Return the denoised latent of ``x`` at ``sigma`` ``(batch,)``."""
        if self.check is not None:
            self.check()
        options = {} if model_options is None else model_options
        prepare = getattr(self.model_patcher, "prepare_state", None)
        if prepare is not None:
            prepare(sigma, options)
        return self.outer_predict_noise(x, sigma, options, seed)

    def outer_predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Run the wrappers around :meth:`predict_noise`."""
        wrappers = all_wrappers(PREDICT_NOISE, self.model_options.get("transformer_options"))
        executor = WrapperExecutor.new_class_executor(self.predict_noise, self, wrappers)
        result: torch.Tensor = executor.execute(x, timestep, model_options or {}, seed)
        return result

    def predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Return the denoised latent; the name is that of node packs."""
        raise NotImplementedError

    def sample(
        self,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        sampler: Any,
        sigmas: torch.Tensor,
        denoise_mask: torch.Tensor | None = None,
        callback: StepCallback | None = None,
        disable_pbar: bool = False,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Sample a latent.

        Args:
            noise: Standard normal values in the shape of the latent.
            latent_image: ``(batch, channels, ...)`` in the scale of nodes, as many channels as
                the model has (see :func:`app.engine.diffusion.noise.fit_empty_latent`).
            sampler: What has the ``sample`` of :class:`.samplers.Sampler`.
            sigmas: Falling levels ``(steps + 1,)``, not changed; an empty list gives the latent
                back (D-062).
            denoise_mask: ``(batch, height, width)``, 1 where the latent may change; None is
                everywhere.
            callback: Told once a step.
            disable_pbar: For packs; nothing is printed here.
            seed: Of the steps' noise.

        Returns:
            The last latent, float32 on the CPU in the scale of nodes.

        Raises:
            BaseException: What ``check``, ``callback``, hooks and the network raise.
        """
        if sigmas.numel() == 0:
            return latent_image
        kept_options = self.model_options
        # What wrappers add to the hooks is gone when the run is over.
        self.model_options = copy_model_options(kept_options)
        self.conds = {
            role: [dict(entry) for entry in entries]
            for role, entries in self.original_conds.items()
            if entries is not None
        }
        options = self.model_options.get("transformer_options")
        outer = WrapperExecutor.new_class_executor(
            self.outer_sample, self, all_wrappers(OUTER_SAMPLE, options)
        )
        try:
            with torch.no_grad():
                samples: torch.Tensor = outer.execute(
                    noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed
                )
        finally:
            self.model_options = kept_options
            self.conds = {}
        return samples

    def loaded(self, noise_shape: Sequence[int]) -> AbstractContextManager[Any]:
        """Return a context within which model and prompts lie where they are needed."""
        prepare = getattr(self.model_patcher, "prepare_sampling", None)
        if prepare is None:
            return contextlib.nullcontext()
        context: AbstractContextManager[Any] = prepare(noise_shape, self.conds)
        return context

    def outer_sample(
        self,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        sampler: Any,
        sigmas: torch.Tensor,
        denoise_mask: torch.Tensor | None = None,
        callback: StepCallback | None = None,
        disable_pbar: bool = False,
        seed: int | None = None,
        latent_shapes: Any = None,
    ) -> torch.Tensor:
        """Load the model, bring everything to its device, and sample; see :meth:`sample`."""
        device = torch.device(self.model_patcher.load_device)
        with self.loaded(noise.shape):
            self.inner_model = self.model_patcher.model
            try:
                if denoise_mask is not None:
                    denoise_mask = prepare_noise_mask(denoise_mask, noise.shape, device)
                with stop_between_blocks(self.inner_model, self.check):
                    return self.inner_sample(
                        noise.to(device=device, dtype=torch.float32),
                        latent_image.to(device=device, dtype=torch.float32),
                        device,
                        sampler,
                        sigmas,
                        denoise_mask,
                        callback,
                        disable_pbar,
                        seed,
                    )
            finally:
                for entries in self.conds.values():
                    for entry in entries:
                        if entry.get("control") is not None:
                            entry["control"].cleanup()
                self.inner_model = None

    def inner_sample(
        self,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        device: torch.device,
        sampler: Any,
        sigmas: torch.Tensor,
        denoise_mask: torch.Tensor | None,
        callback: StepCallback | None,
        disable_pbar: bool,
        seed: int | None,
        latent_shapes: Any = None,
    ) -> torch.Tensor:
        """Encode the prompts and run the sampler; everything lies on ``device``."""
        network = self.inner_model
        # An empty latent stays zero even where the format shifts values (D-061).
        if bool(torch.count_nonzero(latent_image)):
            latent_image = network.process_latent_in(latent_image)
        self.conds = self.prepare_conds(noise, device, latent_image, denoise_mask, seed)
        options = copy_model_options(self.model_options)
        transformer_options = options.setdefault("transformer_options", {})
        transformer_options["sample_sigmas"] = sigmas
        executor = WrapperExecutor.new_class_executor(
            sampler.sample, sampler, all_wrappers(SAMPLER_SAMPLE, transformer_options)
        )
        samples: torch.Tensor = executor.execute(
            self,
            sigmas,
            {"model_options": options, "seed": seed},
            callback,
            noise,
            latent_image,
            denoise_mask,
            disable_pbar,
        )
        result: torch.Tensor = network.process_latent_out(samples.float())
        return result.cpu()

    def prepare_conds(
        self,
        noise: torch.Tensor,
        device: torch.device,
        latent_image: torch.Tensor,
        denoise_mask: torch.Tensor | None,
        seed: int | None,
    ) -> CondLists:
        """Return the prompts of this run, ready to be evaluated (D-063)."""
        return prepare_conds(
            self.inner_model,
            noise,
            dict(self.conds),
            device,
            latent_image,
            denoise_mask,
            seed,
        )
