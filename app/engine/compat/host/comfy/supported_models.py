"""``comfy.supported_models``: families by class, for packs that ask what they were given."""

from __future__ import annotations

import comfy.latent_formats as latent_formats
import comfy.supported_models_base as supported_models_base
from comfy.supported_models_base import kind

__all__ = ["latent_formats", "models", "supported_models_base"]

SD15 = kind("SD15")
SD20 = kind("SD20", "SD21UnclipL", "SD21UnclipH")
SDXL = kind("SDXL")
SDXLRefiner = kind("SDXLRefiner")
SVD_img2vid = kind("SVD_img2vid")
SD3 = kind("SD3")
Flux = kind("Flux")
FluxSchnell = kind("FluxSchnell")
HunyuanDiT = kind("HunyuanDiT")
HunyuanVideo = kind("HunyuanVideo")
GenmoMochi = kind("GenmoMochi")
LTXV = kind("LTXV")
WAN21_T2V = kind("WAN21_T2V")

models = [
    SD15, SD20, SDXLRefiner, SDXL, SVD_img2vid, SD3, FluxSchnell, Flux, HunyuanDiT,
    HunyuanVideo, GenmoMochi, LTXV, WAN21_T2V,
]  # fmt: skip
