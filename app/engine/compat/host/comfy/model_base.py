"""``comfy.model_base``: the kinds of model, for packs that ask what they were given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from app.engine.models.diffusion_model import DiffusionModel
from app.engine.models.predictions import ModelType, make_model_sampling
from app.engine.models.unet_blocks import timestep_embedding

BaseModel = DiffusionModel

__all__ = ["BaseModel", "ModelType", "Timestep", "convert_tensor", "model_sampling"]


class _KindMeta(type):
    """Takes a loaded model for an instance of the class that its family is called by."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, DiffusionModel):
            return instance.family.name in cls.__dict__.get("families", ())
        return super().__instancecheck__(instance)


def _kind(name: str, *families: str) -> Any:
    body = {
        "families": (name, *families),
        "__module__": __name__,
        "__doc__": f"Loaded models of the family {name} are instances of it.",
        "encode_adm": DiffusionModel.encode_adm,
        "extra_conds": DiffusionModel.extra_conds,
    }
    return _KindMeta(name, (), body)


SDXL = _kind("SDXL")
SDXLRefiner = _kind("SDXLRefiner")
SD21UNCLIP = _kind("SD21UNCLIP")
SDXL_instructpix2pix = _kind("SDXL_instructpix2pix")
SVD_img2vid = _kind("SVD_img2vid")
SD3 = _kind("SD3")
Flux = _kind("Flux", "FluxSchnell")


def model_sampling(model_config: Any, model_type: ModelType) -> Any:
    """Return new sampling rules for a model's configuration."""
    return make_model_sampling(model_type, getattr(model_config, "sampling_settings", None))


def convert_tensor(
    extra: torch.Tensor, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """Return a tensor on a device; whole numbers keep their type."""
    if extra.is_floating_point():
        return extra.to(device=device, dtype=dtype)
    return extra.to(device=device)


def sdxl_pooled(args: Mapping[str, Any], noise_augmentor: Any) -> torch.Tensor:
    """Return the text's pooled vector of a prompt, or that of its picture where it has one."""
    pictures = args.get("unclip_conditioning")
    if pictures is not None and noise_augmentor is not None:
        from app.engine.compat.standins import NotSupportedHereError

        raise NotSupportedHereError("unCLIP pictures for SDXL")
    pooled: torch.Tensor = args["pooled_output"]
    return pooled


class Timestep(nn.Module):
    """Waves of a timestep (D-231).

    Args:
        dim: Width of the result.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, dim)``."""
        return timestep_embedding(t, self.dim)
