"""Pictures to latents and back, whole or in tiles (rules D-171 to D-173, D-216)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from app.engine import allocator
from app.engine.errors import ModelFileError
from app.engine.imaging.tiling import tiled_scale
from app.engine.models import memory, pixel_space
from app.engine.models.autoencoder import AutoencoderKL, TinyAutoencoder
from app.engine.models.detect import describe
from app.engine.models.ops import empty, fill
from app.engine.models.patcher import ModelPatcher
from app.engine.models.starter_vae import StarterAutoencoder
from app.engine.models.unet import shapes_of
from app.engine.models.weights import StateDict, take_prefix

log = logging.getLogger("easel.models")

_DECODE_BYTES: Final = 2178
_ENCODE_BYTES: Final = 1767
"""Working bytes of a value, for each latent cell's 64 px and each px, measured on SD's VAE."""

_DIFFUSERS_PARTS: Final = (
    ("mid_block.attentions.0.", "mid.attn_1."),
    ("mid_block.resnets.0.", "mid.block_1."),
    ("mid_block.resnets.1.", "mid.block_2."),
    ("conv_norm_out.", "norm_out."),
    ("conv_shortcut.", "nin_shortcut."),
)
_DIFFUSERS_ATTENTION: Final = {
    "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    "query": "q", "key": "k", "value": "v", "proj_attn": "proj_out",
}  # fmt: skip


def vae_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the tensors of a VAE under our names, from any layout it is stored in."""
    for prefix in ("first_stage_model.", "vae."):
        inside = take_prefix(tensors, prefix)
        if inside:
            tensors = inside
            break
    if any(name.startswith("decoder.up_blocks.") for name in tensors):
        return _from_diffusers(tensors)
    if "decoder.conv_in.weight" not in tensors:
        if "taesd_decoder.1.weight" in tensors:
            return dict(tensors)
        if "1.weight" in tensors and "3.conv.0.weight" in tensors:
            return {f"taesd_decoder.{name}": tensor for name, tensor in tensors.items()}
    return dict(tensors)


def _from_diffusers(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    levels = 1 + max(
        int(name.split(".")[2]) for name in tensors if name.startswith("decoder.up_blocks.")
    )
    result = {}
    for name, tensor in tensors.items():
        for old, new in _DIFFUSERS_PARTS:
            name = name.replace(old, new)
        parts = name.split(".")
        if len(parts) > 4 and parts[1] in ("down_blocks", "up_blocks"):
            down = parts[1] == "down_blocks"
            level = int(parts[2]) if down else levels - 1 - int(parts[2])
            kind = {"resnets": "block"}.get(parts[3], "downsample" if down else "upsample")
            rest = parts[4:] if kind == "block" else parts[5:]
            name = ".".join((parts[0], "down" if down else "up", str(level), kind, *rest))
        head, mark, tail = name.partition(".attn_1.")
        if mark:
            part, _, last = tail.rpartition(".")
            name = f"{head}.attn_1.{_DIFFUSERS_ATTENTION.get(part, part)}.{last}"
            if last == "weight" and tensor.ndim == 2:
                tensor = tensor[:, :, None, None]
        result[name] = tensor
    return result


class VAE:
    """A VAE with its memory, as nodes use it.

    Args:
        sd: Tensors of the file, in any layout.
        device: Where it computes; the best device when None.
        dtype: Type that it computes in; by the device when None.
        metadata: Text beside the tensors; unused.

    Attributes:
        first_stage_model: The network.
        patcher: Its patcher.
        latent_channels: Channels of a latent.
        downscale_ratio: Pixels a latent cell is wide.
        process_input: From 0..1 to what the network takes.
        process_output: From what the network gives to 0..1.

    Raises:
        ModelFileError: The tensors are not those of a VAE that is known here.
    """

    def __init__(
        self,
        sd: Mapping[str, torch.Tensor] | None = None,
        device: torch.device | None = None,
        config: Any = None,
        dtype: torch.dtype | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        tensors = vae_tensors(sd or {})
        network: Any
        if "decoder.conv_in.weight" in tensors:
            if tensors["decoder.conv_in.weight"].ndim != 4:
                raise ModelFileError("VAEs for video are not supported yet.")
            network = empty(lambda: AutoencoderKL(shapes_of(tensors)))
        elif "upscaler.first.weight" in tensors:
            network = empty(lambda: StarterAutoencoder(shapes_of(tensors)))
        elif pixel_space.MARK in tensors:
            network = empty(pixel_space.PixelSpaceAutoencoder)
        elif "taesd_decoder.1.weight" in tensors:
            network = empty(lambda: TinyAutoencoder(shapes_of(tensors)))
            tensors.setdefault("vae_scale", torch.ones(()))
            tensors.setdefault("vae_shift", torch.zeros(()))
        else:
            found = describe(sd or {})
            raise ModelFileError(f"This is not a VAE but {found}.")
        fill(network, tensors, "VAE")
        self.first_stage_model = network
        self.latent_channels: int = self.first_stage_model.latent_channels
        self.downscale_ratio: int = self.first_stage_model.downscale
        self.upscale_ratio: int = self.downscale_ratio
        self.output_channels = 3
        self.latent_dim = 2
        self.disable_offload = False
        self.device = memory.get_torch_device() if device is None else torch.device(device)
        self.output_device = torch.device("cpu")
        self.vae_dtype = memory.vae_dtype(self.device) if dtype is None else dtype
        self.process_input: Callable[[torch.Tensor], torch.Tensor] = lambda x: x * 2.0 - 1.0
        self.process_output: Callable[[torch.Tensor], torch.Tensor] = lambda x: torch.clamp(
            (x + 1.0) / 2.0, min=0.0, max=1.0
        )
        self.patcher = ModelPatcher(
            network, self.device, memory.offload_device(), compute_dtype=self.vae_dtype
        )
        if memory.is_device_cpu(self.device) and isinstance(network, AutoencoderKL):
            # Most workflows only decode, and encoding costs fifty times the conversion.
            self.patcher.store.seldom = ("encoder.", "quant_conv.")

    def throw_exception_if_invalid(self) -> None:
        """Do nothing: a VAE that exists is usable; loaders give None for a missing one."""

    def memory_used_decode(self, shape: Any, dtype: torch.dtype) -> float:
        """Estimate the working bytes of decoding latents of ``shape``."""
        return float(_DECODE_BYTES * shape[-2] * shape[-1] * 64 * dtype.itemsize)

    def memory_used_encode(self, shape: Any, dtype: torch.dtype) -> float:
        """Estimate the working bytes of encoding pictures of ``shape`` ``(B, C, H, W)``."""
        return float(_ENCODE_BYTES * shape[-2] * shape[-1] * dtype.itemsize)

    def vae_encode_crop_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Cut ``(B, H, W, C)`` pictures around the middle to sizes the network takes."""
        step = self.downscale_ratio
        for axis in range(1, pixels.ndim - 1):
            size = pixels.shape[axis]
            fit = size // step * step
            if fit != size:
                pixels = pixels.narrow(axis, (size % step) // 2, fit)
        return pixels

    @allocator.apart()
    @torch.no_grad()
    def decode(self, samples_in: torch.Tensor, vae_options: Any = None) -> torch.Tensor:
        """Return pictures ``(B, H, W, 3)`` in 0..1 of latents ``(B, C, h, w)``.

        When memory runs out the latents are decoded in tiles.

        Raises:
            ValueError: The latents have another number of channels than this VAE's.
        """
        self._check_channels(samples_in)
        shape = (1, *samples_in.shape[1:])
        needed = self.memory_used_decode(shape, self.vae_dtype)
        memory.load_models_gpu([self.patcher], needed)

        def whole() -> torch.Tensor:
            free = memory.get_free_memory(self.device)
            at_once = max(1, int(free / needed))
            parts = [self._decode(part) for part in torch.split(samples_in, at_once)]
            return torch.cat(parts)

        pixels = self._in_smaller_parts(
            "decoding a picture",
            whole,
            lambda: self._decode_tiled(samples_in),
            lambda: self._decode_tiled(samples_in, 32, 32, 8),
        )
        return pixels.movedim(1, -1)

    def _in_smaller_parts(
        self,
        what: str,
        whole: Callable[[], torch.Tensor],
        tiled: Callable[[], torch.Tensor],
        small_tiles: Callable[[], torch.Tensor],
    ) -> torch.Tensor:
        """Compute whole; when memory runs out in tiles, and then in smaller ones."""
        keep = [self.patcher]
        return memory.with_recovery(
            whole, lambda: memory.with_recovery(tiled, small_tiles, what, keep), what, keep
        )

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        latents = latents.to(self.device, self.vae_dtype)
        pixels = self.first_stage_model.decode(latents).to(self.output_device).float()
        return self.process_output(pixels)

    def _decode_tiled(
        self, latents: torch.Tensor, tile_x: int = 64, tile_y: int = 64, overlap: int = 16
    ) -> torch.Tensor:
        def one(part: torch.Tensor) -> torch.Tensor:
            part = part.to(self.device, self.vae_dtype)
            decoded: torch.Tensor = self.first_stage_model.decode(part).float()
            return decoded

        total = torch.zeros(())
        passes = ((tile_x // 2, tile_y * 2), (tile_x * 2, tile_y // 2), (tile_x, tile_y))
        for width, height in passes:
            total = total + tiled_scale(
                latents, one, width, height, overlap, self.upscale_ratio, self.output_channels,
                self.output_device,
            )  # fmt: skip
        return self.process_output(total / len(passes))

    @allocator.apart()
    @torch.no_grad()
    def decode_tiled(
        self,
        samples: torch.Tensor,
        tile_x: int | None = None,
        tile_y: int | None = None,
        overlap: int | None = None,
        tile_t: int | None = None,
        overlap_t: int | None = None,
    ) -> torch.Tensor:
        """Decode in tiles; sizes in latent cells (D-172)."""
        self._check_channels(samples)
        needed = self.memory_used_decode((1, 1, 64, 64), self.vae_dtype)
        memory.load_models_gpu([self.patcher], needed)
        pixels = self._decode_tiled(
            samples, tile_x or 64, tile_y or 64, 16 if overlap is None else overlap
        )
        return pixels.movedim(1, -1)

    @allocator.apart()
    @torch.no_grad()
    def encode(self, pixel_samples: torch.Tensor) -> torch.Tensor:
        """Return latents ``(B, C, h, w)`` of pictures ``(B, H, W, 3 or more)`` in 0..1."""
        pixels = self._pixels_in(pixel_samples)
        needed = self.memory_used_encode((1, *pixels.shape[1:]), self.vae_dtype)
        memory.load_models_gpu([self.patcher], needed)

        def whole() -> torch.Tensor:
            free = memory.get_free_memory(self.device)
            at_once = max(1, int(free / needed))
            return torch.cat([self._encode(part) for part in torch.split(pixels, at_once)])

        return self._in_smaller_parts(
            "encoding a picture",
            whole,
            lambda: self._encode_tiled(pixels),
            lambda: self._encode_tiled(pixels, 256, 256, 64),
        )

    def _pixels_in(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.vae_encode_crop_pixels(pixels)[..., :3].movedim(-1, 1)

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        pixels = self.process_input(pixels).to(self.device, self.vae_dtype)
        latents: torch.Tensor = self.first_stage_model.encode(pixels)
        return latents.to(self.output_device).float()

    def _encode_tiled(
        self, pixels: torch.Tensor, tile_x: int = 512, tile_y: int = 512, overlap: int = 64
    ) -> torch.Tensor:
        total = torch.zeros(())
        passes = ((tile_x, tile_y), (tile_x * 2, tile_y // 2), (tile_x // 2, tile_y * 2))
        for width, height in passes:
            total = total + tiled_scale(
                pixels, self._encode, width, height, overlap, 1 / self.downscale_ratio,
                self.latent_channels, self.output_device,
            )  # fmt: skip
        return total / len(passes)

    @allocator.apart()
    @torch.no_grad()
    def encode_tiled(
        self,
        pixel_samples: torch.Tensor,
        tile_x: int | None = None,
        tile_y: int | None = None,
        overlap: int | None = None,
        tile_t: int | None = None,
        overlap_t: int | None = None,
    ) -> torch.Tensor:
        """Encode in tiles; sizes in px (D-172)."""
        pixels = self._pixels_in(pixel_samples)
        needed = self.memory_used_encode((1, 3, 512, 512), self.vae_dtype)
        memory.load_models_gpu([self.patcher], needed)
        return self._encode_tiled(
            pixels, tile_x or 512, tile_y or 512, 64 if overlap is None else overlap
        )

    def _check_channels(self, latents: torch.Tensor) -> None:
        if latents.shape[1] != self.latent_channels:
            raise ValueError(
                f"This VAE is for latents with {self.latent_channels} channels, these have "
                f"{latents.shape[1]}. It belongs to another kind of model: load the VAE that "
                "goes with the model, or the one inside the checkpoint."
            )

    def get_sd(self) -> StateDict:
        """Return the stored tensors."""
        return self.patcher.model_state_dict()

    def spacial_compression_decode(self) -> int:
        """Return how many px a latent cell becomes."""
        return int(self.upscale_ratio)

    def spacial_compression_encode(self) -> int:
        """Return how many px become a latent cell."""
        return int(self.downscale_ratio)

    def temporal_compression_decode(self) -> int | None:
        """Return how many frames a latent frame becomes; None for pictures."""
        return None
