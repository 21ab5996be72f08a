"""``comfy.ldm.models.autoencoder``: encoders of pictures, for packs that ask what a VAE is."""

from __future__ import annotations

from app.engine.models.autoencoder import AutoencoderKL

AutoencodingEngine = AutoencoderKL

__all__ = ["AutoencoderKL", "AutoencodingEngine"]
