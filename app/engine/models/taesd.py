"""Pictures of latents while they are sampled, by a small decoder (TAESD, D-175).

TAESD (Ollin Boer Bohan, MIT) approximates the decoder of a VAE with a network of a few
megabytes. The files are the artist's: ``taesd_decoder.safetensors`` and the like in
``models/vae_approx``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch

from app.engine.errors import ModelFileError
from app.engine.models.autoencoder import TinyAutoencoder
from app.engine.models.ops import empty, fill
from app.engine.models.unet import shapes_of
from app.engine.models.vae import vae_tensors
from app.engine.models.weights import read_weights


class TinyDecoder:
    """Decodes latents in the sampler's scale.

    Args:
        path: The decoder's file; an encoder beside it in the same file is ignored.
        device: Where it computes, in float32.

    Attributes:
        latent_channels: Channels that its latents have.
        scale: Pixels a latent's cell becomes.

    Raises:
        ModelFileError: The file cannot be read, or is no such decoder.
    """

    def __init__(self, path: str | os.PathLike[str], device: torch.device | str = "cpu") -> None:
        tensors = {
            name: tensor
            for name, tensor in vae_tensors(read_weights(path).tensors).items()
            if name.startswith("taesd_decoder.")
        }
        if "taesd_decoder.1.weight" not in tensors:
            name = os.path.basename(os.fspath(path))
            raise ModelFileError(f'"{name}" is not a decoder for previews.')
        self._network: TinyAutoencoder = empty(lambda: TinyAutoencoder(shapes_of(tensors)))
        # In the sampler's scale these are the values that change nothing.
        neutral = {"vae_scale": torch.ones(()), "vae_shift": torch.zeros(())}
        fill(self._network, {**tensors, **neutral}, "decoder for previews")
        self._network.to(device=device, dtype=torch.float32)
        self._device = torch.device(device)
        self.latent_channels: int = self._network.latent_channels
        self.scale: int = self._network.downscale

    def accepts(self, latent: torch.Tensor) -> bool:
        """Tell whether ``latent`` ``(batch, channels, ...)`` is of the kind it decodes."""
        return latent.ndim in (4, 5) and latent.shape[1] == self.latent_channels

    @torch.no_grad()
    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the picture of the first item, and of its first frame.

        Args:
            latent: ``(batch, channels, height, width)`` in the sampler's scale, or with a frame
                axis before the height.

        Returns:
            ``(height * scale, width * scale, 3)`` on the CPU, about -1 to 1.
        """
        first = latent[:1, :, 0] if latent.ndim == 5 else latent[:1]
        picture = self._network.decode(first.to(self._device, torch.float32))
        return picture[0].movedim(0, -1).cpu()


def find_decoder_file(wanted: str | None, files: Iterable[str]) -> str | None:
    """Return the file of a decoder by the begin of its name, or None.

    Args:
        wanted: Such as ``"taesd_decoder"``; see ``LatentFormat.taesd_decoder_name``.
        files: Names in ``models/vae_approx``, perhaps in folders.
    """
    if not wanted:
        return None
    return next((file for file in files if os.path.basename(file).startswith(wanted)), None)


_kept: dict[tuple[str, float, str], TinyDecoder] = {}


def tiny_decoder(path: str, device: torch.device | str) -> TinyDecoder:
    """Return the decoder of a file; the one used last is kept.

    Raises:
        ModelFileError: The file cannot be read, or is no such decoder.
    """
    try:
        changed = os.path.getmtime(path)
    except OSError:
        changed = 0.0
    key = (path, changed, str(device))
    found = _kept.get(key)
    if found is None:
        found = TinyDecoder(path, device)
        _kept.clear()
        _kept[key] = found
    return found
