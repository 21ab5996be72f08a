"""A network with everything a sampler needs to know about it; packs call it ``BaseModel``."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import torch
from torch import nn

from app.engine.imaging.batches import resize_to_batch_size
from app.engine.imaging.resize import common_upscale
from app.engine.models.conds import Cond, CondCrossAttention, CondNoiseShape
from app.engine.models.families.base import Family
from app.engine.models.model_config import ModelConfig
from app.engine.models.predictions import ModelSampling, ModelType, make_model_sampling
from app.engine.models.wrappers import APPLY_MODEL, WrapperExecutor, all_wrappers

_INPAINT_BLANK: Final = (0.8223, -0.6876, 0.6364, 0.1380)
"""The latent of a grey picture, in the sampler's scale (D-088)."""
_BYTES_PER_MEGABYTE: Final = 1024 * 1024


class DiffusionModel(nn.Module):
    """Turns a noisy latent into a denoised one.

    Args:
        family: What the network is.
        network: The network, filled from a file.
        model_type: How it was trained.
        sampling_settings: What the table of noise levels reads.

    Attributes:
        diffusion_model: The network.
        model_sampling: Table and prediction; nodes may replace it on a patcher.
        latent_format: Scale of its latents.
        concat_keys: What is laid beside the latent, in order: ``mask``, ``masked_image``.
        current_patcher: The patcher whose patches are in the weights now, or None.
        device: Where the weights lie.
    """

    def __new__(cls, family: Family | None = None, *args: Any, **kwargs: Any) -> Self:
        """Return an object whose class is called as the reference's class of that family."""
        named = cls if family is None or cls is not DiffusionModel else _class_of(family.name)
        made: Self = super().__new__(named)
        return made

    def __init__(
        self,
        family: Family,
        network: nn.Module,
        model_type: ModelType,
        sampling_settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.model_config = ModelConfig(family, sampling_settings, network)
        self.family = family
        self.diffusion_model = network
        self.model_type = model_type
        self.model_sampling: ModelSampling = make_model_sampling(model_type, sampling_settings)
        self.latent_format = family.latent_format
        self.memory_usage_factor = family.memory_factor
        self.current_patcher: Any = None
        self.device = torch.device("cpu")
        self.concat_keys: tuple[str, ...] = ()
        self.manual_cast_dtype: torch.dtype | None = None
        extra = getattr(network, "in_channels", 0) - self.latent_format.latent_channels
        if extra == self.latent_format.latent_channels + 1:
            self.concat_keys = ("mask", "masked_image")
        elif extra == self.latent_format.latent_channels:
            self.concat_keys = ("edited_image",)

    def get_dtype(self) -> torch.dtype:
        """Return the type that the network computes in."""
        dtype = getattr(self.diffusion_model, "dtype", torch.float32)
        assert isinstance(dtype, torch.dtype)
        return dtype

    def apply_model(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        c_concat: torch.Tensor | None = None,
        c_crossattn: torch.Tensor | None = None,
        control: Any = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the denoised latent (D-051).

        Args:
            x: Noisy latent ``(batch, channels, ...)`` in the sampler's scale.
            t: Noise level of each item ``(batch,)``.
            c_concat: What is laid beside the latent, for inpainting networks.
            c_crossattn: Text ``(batch, tokens, width)``.
            control: Residuals of a ControlNet.
            transformer_options: Hooks of packs and nodes.
            kwargs: Further inputs of the network, such as ``y``.
        """
        options = {} if transformer_options is None else transformer_options
        executor = WrapperExecutor.new_class_executor(
            self._apply_model, self, all_wrappers(APPLY_MODEL, options)
        )
        result: torch.Tensor = executor.execute(
            x, t, c_concat, c_crossattn, control, options, **kwargs
        )
        return result

    def _apply_model(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        c_concat: torch.Tensor | None = None,
        c_crossattn: torch.Tensor | None = None,
        control: Any = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        dtype = self.get_dtype()
        scaled = self.model_sampling.calculate_input(t, x)
        if c_concat is not None:
            scaled = torch.cat([scaled, c_concat.to(scaled)], dim=1)
        timestep = self.model_sampling.timestep(t).float()
        context = None if c_crossattn is None else c_crossattn.to(dtype)
        extra = {
            name: value.to(dtype)
            if isinstance(value, torch.Tensor) and value.is_floating_point()
            else value
            for name, value in kwargs.items()
        }
        output = self.diffusion_model(
            scaled.to(dtype),
            timestep,
            context=context,
            control=control,
            transformer_options=transformer_options,
            **extra,
        ).float()
        return self.model_sampling.calculate_denoised(t, output, x)

    def process_latent_in(self, latent: torch.Tensor) -> torch.Tensor:
        """Return a latent of a node in the sampler's scale."""
        return self.latent_format.process_in(latent)

    def process_latent_out(self, latent: torch.Tensor) -> torch.Tensor:
        """Return a sampled latent in the scale of nodes."""
        return self.latent_format.process_out(latent)

    def encode_adm(self, **kwargs: Any) -> torch.Tensor | None:
        """Return the vector condition ``(batch, width)`` of a prompt, or None (D-158)."""
        return None if self.family.vector is None else self.family.vector(kwargs)

    def extra_conds(self, **kwargs: Any) -> dict[str, Cond]:
        """Return the inputs of the network for one prompt, by parameter name.

        Args:
            kwargs: The prompt's own values (``cross_attn``, ``pooled_output``, ``width``, ...),
                and of the run: ``noise``, ``device``, ``latent_image``, ``denoise_mask``.
        """
        conds: dict[str, Cond] = {}
        beside = self.concat_cond(**kwargs)
        if beside is not None:
            conds["c_concat"] = CondNoiseShape(beside)
        vector = self.encode_adm(**kwargs)
        if vector is not None:
            conds["y"] = Cond(vector)
        text = kwargs.get("cross_attn")
        if text is not None:
            conds["c_crossattn"] = CondCrossAttention(text)
        control_text = kwargs.get("cross_attn_controlnet")
        if control_text is not None:
            conds["crossattn_controlnet"] = CondCrossAttention(control_text)
        if self.family.conditions is not None:
            conds.update(self.family.conditions(self, kwargs))
        return conds

    def extra_conds_shapes(self, **kwargs: Any) -> dict[str, list[int]]:
        """Return shapes of inputs that memory must be reserved for before they exist."""
        return {}

    def concat_cond(self, **kwargs: Any) -> torch.Tensor | None:
        """Return what is laid beside the latent, ``(batch, channels, h, w)``, or None (D-088)."""
        if not self.concat_keys:
            return None
        noise: torch.Tensor = kwargs["noise"]
        device = kwargs.get("device", noise.device)
        image = kwargs.get("concat_latent_image")
        if self.concat_keys == ("edited_image",):
            if image is None:
                return torch.zeros_like(noise)
            return _over_latent(image, noise).to(device)
        mask = kwargs.get("concat_mask", kwargs.get("denoise_mask"))
        image = kwargs.get("latent_image") if image is None else self.process_latent_in(image)
        if mask is None or image is None:
            blank = torch.tensor(_INPAINT_BLANK).reshape(1, 4, 1, 1).expand(noise.shape)
            return torch.cat([torch.ones_like(noise)[:, :1], blank.to(noise)], dim=1).to(device)
        mask = mask[:, :1] if mask.ndim == noise.ndim else mask.reshape(-1, 1, *mask.shape[-2:])
        mask = _over_latent(mask.float(), noise, crop="disabled").round()
        return torch.cat([mask, _over_latent(image, noise)], dim=1).to(device)

    def scale_latent_inpaint(
        self, sigma: torch.Tensor, noise: torch.Tensor, latent_image: torch.Tensor, **kwargs: Any
    ) -> torch.Tensor:
        """Return the kept part of an inpainted latent at noise level ``sigma`` (D-086)."""
        return self.model_sampling.noise_scaling(sigma, noise, latent_image)

    def blank_inpaint_image_like(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the latent of a grey picture, in the shape of ``latent``."""
        blank = torch.tensor(_INPAINT_BLANK).reshape(1, 4, 1, 1)
        return blank.to(latent).expand_as(latent).clone()

    def memory_required(
        self, input_shape: Sequence[int], cond_shapes: Mapping[str, Any] | None = None
    ) -> float:
        """Estimate the working memory of one call in bytes, without the weights.

        Args:
            input_shape: ``(batch, channels, ...)`` of the latent batch.
            cond_shapes: Shapes of inputs that add to it.
        """
        area = input_shape[0] * math.prod(input_shape[2:])
        for shapes in (cond_shapes or {}).values():
            area += sum(shape[0] * math.prod(shape[2:]) for shape in shapes)
        return (
            area * self.get_dtype().itemsize * 0.01 * self.memory_usage_factor * _BYTES_PER_MEGABYTE
        )


_CLASS_NAMES: Final = {"SD15": "BaseModel", "SD20": "BaseModel", "FluxSchnell": "Flux"}
"""Families whose models have no class of their own name in the reference."""


@functools.cache
def _class_of(family: str) -> Any:
    """Return the class for models of a family; packs look at its name."""
    body = {"__doc__": DiffusionModel.__doc__, "__module__": DiffusionModel.__module__}
    return type(_CLASS_NAMES.get(family, family), (DiffusionModel,), body)


def _over_latent(tensor: torch.Tensor, noise: torch.Tensor, crop: str = "center") -> torch.Tensor:
    """Fit a picture-like tensor to the size and the batch of a latent."""
    if tensor.shape[2:] != noise.shape[2:]:
        tensor = common_upscale(tensor, noise.shape[-1], noise.shape[-2], "bilinear", crop)
    return resize_to_batch_size(tensor, noise.shape[0])
