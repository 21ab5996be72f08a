"""Networks between pictures and latents: the KL autoencoder and the tiny one.

Names and rules: D-171, D-175, D-216, D-236. Both are built from the shapes of their tensors.
"""

from __future__ import annotations

import re
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.ops import Conv2d, GroupNorm
from app.engine.models.unet import Shapes

_EPSILON: Final = 1e-6


def _numbers(shapes: Shapes, stem: str) -> list[int]:
    pattern = re.compile(re.escape(stem) + r"(\d+)\.")
    return sorted({int(found[1]) for name in shapes if (found := pattern.match(name))})


def _conv(shapes: Shapes, stem: str, stride: int = 1, padding: int | None = None) -> Conv2d:
    out_channels, channels, size = shapes[stem + ".weight"][:3]
    return Conv2d(
        channels,
        out_channels,
        size,
        stride=stride,
        padding=size // 2 if padding is None else padding,
        bias=stem + ".bias" in shapes,
    )


class ResnetBlock(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.norm1 = GroupNorm(32, shapes[stem + "norm1.weight"][0], eps=_EPSILON)
        self.conv1 = _conv(shapes, stem + "conv1")
        self.norm2 = GroupNorm(32, shapes[stem + "norm2.weight"][0], eps=_EPSILON)
        self.conv2 = _conv(shapes, stem + "conv2")
        if stem + "nin_shortcut.weight" in shapes:
            self.nin_shortcut = _conv(shapes, stem + "nin_shortcut")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, out channels, height, width)``."""
        h = self.conv1(F.silu(self.norm1(x), inplace=True))
        h = self.conv2(F.silu(self.norm2(h), inplace=True))
        h += self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x
        result: torch.Tensor = h
        return result


class AttnBlock(nn.Module):
    """One head of attention over all pixels."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.norm = GroupNorm(32, shapes[stem + "norm.weight"][0], eps=_EPSILON)
        self.q = _conv(shapes, stem + "q")
        self.k = _conv(shapes, stem + "k")
        self.v = _conv(shapes, stem + "v")
        self.proj_out = _conv(shapes, stem + "proj_out")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2).transpose(1, 2) for layer in (self.q, self.k, self.v))
        h = optimized_attention(q, k, v, 1).transpose(1, 2).reshape(x.shape)
        result: torch.Tensor = x + self.proj_out(h)
        return result


class Shrink(nn.Module):
    """Halves the size; the picture is padded on the right and at the bottom."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.conv = _conv(shapes, stem + "conv", stride=2, padding=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the smaller picture."""
        result: torch.Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return result


class Enlarge(nn.Module):
    """Doubles the size, then convolves."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.conv = _conv(shapes, stem + "conv")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the larger picture."""
        result: torch.Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return result


class Level(nn.Module):
    """The blocks of one size, and the way to the next."""

    def __init__(self, shapes: Shapes, stem: str, enlarges: bool) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            ResnetBlock(shapes, f"{stem}block.{index}.")
            for index in _numbers(shapes, stem + "block.")
        )
        self.attn = nn.ModuleList(
            AttnBlock(shapes, f"{stem}attn.{index}.") for index in _numbers(shapes, stem + "attn.")
        )
        if enlarges and stem + "upsample.conv.weight" in shapes:
            self.upsample = Enlarge(shapes, stem + "upsample.")
        if not enlarges and stem + "downsample.conv.weight" in shapes:
            self.downsample = Shrink(shapes, stem + "downsample.")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the picture in the next size."""
        for index, block in enumerate(self.block):
            x = block(x)
            if index < len(self.attn):
                x = self.attn[index](x)
        for name in ("upsample", "downsample"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Middle(nn.Module):
    """The blocks at the smallest size."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(shapes, stem + "block_1.")
        self.attn_1 = AttnBlock(shapes, stem + "attn_1.")
        self.block_2 = ResnetBlock(shapes, stem + "block_2.")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        result: torch.Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return result


class Encoder(nn.Module):
    """Picture to the moments of a latent."""

    def __init__(self, shapes: Shapes, stem: str = "encoder.") -> None:
        super().__init__()
        self.conv_in = _conv(shapes, stem + "conv_in")
        self.down = nn.ModuleList(
            Level(shapes, f"{stem}down.{index}.", enlarges=False)
            for index in _numbers(shapes, stem + "down.")
        )
        self.mid = Middle(shapes, stem + "mid.")
        self.norm_out = GroupNorm(32, shapes[stem + "norm_out.weight"][0], eps=_EPSILON)
        self.conv_out = _conv(shapes, stem + "conv_out")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, 2 * latent channels, height / 8, width / 8)``."""
        h = self.conv_in(x)
        for level in self.down:
            h = level(h)
        h = F.silu(self.norm_out(self.mid(h)), inplace=True)
        result: torch.Tensor = self.conv_out(h)
        return result


class Decoder(nn.Module):
    """Latent to picture; its levels are walked from the last to the first."""

    def __init__(self, shapes: Shapes, stem: str = "decoder.") -> None:
        super().__init__()
        self.conv_in = _conv(shapes, stem + "conv_in")
        self.mid = Middle(shapes, stem + "mid.")
        self.up = nn.ModuleList(
            Level(shapes, f"{stem}up.{index}.", enlarges=True)
            for index in _numbers(shapes, stem + "up.")
        )
        self.norm_out = GroupNorm(32, shapes[stem + "norm_out.weight"][0], eps=_EPSILON)
        self.conv_out = _conv(shapes, stem + "conv_out")

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, 3, height * 8, width * 8)``, about -1 to 1."""
        h = self.mid(self.conv_in(z))
        for level in reversed(list(self.up)):
            h = level(h)
        h = F.silu(self.norm_out(h), inplace=True)
        result: torch.Tensor = self.conv_out(h)
        return result


class AutoencoderKL(nn.Module):
    """The variational autoencoder of Stable Diffusion, SD3 and Flux.

    Attributes:
        latent_channels: Channels of a latent.
        downscale: How many px a latent's cell is wide.

    Raises:
        ModelFileError: The tensors do not make an autoencoder.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.encoder = Encoder(shapes)
            self.decoder = Decoder(shapes)
        except KeyError as error:
            raise ModelFileError(f"The VAE is not complete: {error} is missing.") from None
        if "quant_conv.weight" in shapes:
            self.quant_conv = _conv(shapes, "quant_conv")
        if "post_quant_conv.weight" in shapes:
            self.post_quant_conv = _conv(shapes, "post_quant_conv")
        self.latent_channels = shapes["decoder.conv_in.weight"][1]
        self.downscale = 2 ** sum(hasattr(level, "upsample") for level in self.decoder.up)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean of the latent ``(batch, latent channels, ...)`` of ``x``, -1 to 1."""
        moments = self.encoder(x)
        if hasattr(self, "quant_conv"):
            moments = self.quant_conv(moments)
        mean: torch.Tensor = moments[:, : self.latent_channels]
        return mean

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return the picture ``(batch, 3, ...)`` of a latent, about -1 to 1."""
        if hasattr(self, "post_quant_conv"):
            z = self.post_quant_conv(z)
        result: torch.Tensor = self.decoder(z)
        return result


class _TinyBlock(nn.Module):
    """Three convolutions with a shortcut."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        first, second, third = (_conv(shapes, f"{stem}conv.{index}") for index in (0, 2, 4))
        self.conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
        if stem + "skip.weight" in shapes:
            self.skip = _conv(shapes, stem + "skip")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, out channels, height, width)``."""
        shortcut = self.skip(x) if hasattr(self, "skip") else x
        return F.relu(self.conv(x) + shortcut)


class _Squash(nn.Module):
    """Keeps latents within -3 to 3."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        return torch.tanh(x / 3) * 3


def _tiny_layers(shapes: Shapes, stem: str, enlarges: bool) -> nn.Sequential:
    """Return the numbered layers; a number without tensors is a layer without weights.

    In a decoder that is the squash, a ReLU after the first convolution, or an enlargement.
    """
    numbers = _numbers(shapes, stem)
    layers: list[nn.Module] = []
    for index in range(numbers[-1] + 1):
        name = f"{stem}{index}"
        if f"{name}.conv.0.weight" in shapes:
            layers.append(_TinyBlock(shapes, name + "."))
        elif name + ".weight" in shapes:
            stride = 1
            if not enlarges and 0 < index < numbers[-1]:
                stride = 2
            layers.append(_conv(shapes, name, stride=stride))
        elif index == 0:
            layers.append(_Squash())
        elif index == 2:
            layers.append(nn.ReLU())
        else:
            layers.append(nn.Upsample(scale_factor=2))
    return nn.Sequential(*layers)


class TinyAutoencoder(nn.Module):
    """TAESD: a small, fast approximation of a KL autoencoder (D-175).

    Args:
        shapes: Shapes of its tensors, named ``taesd_encoder.*`` and ``taesd_decoder.*``.

    Attributes:
        vae_scale: Factor between its own latents and the large autoencoder's.
        vae_shift: Offset before that.
    """

    vae_scale: torch.Tensor
    vae_shift: torch.Tensor

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            if _numbers(shapes, "taesd_encoder."):
                self.taesd_encoder = _tiny_layers(shapes, "taesd_encoder.", enlarges=False)
            self.taesd_decoder = _tiny_layers(shapes, "taesd_decoder.", enlarges=True)
        except (KeyError, IndexError) as error:
            raise ModelFileError(f"The tiny VAE is not complete: {error}.") from None
        self.register_buffer("vae_scale", torch.ones(()))
        self.register_buffer("vae_shift", torch.zeros(()))
        self.latent_channels = shapes["taesd_decoder.1.weight"][1]
        self.downscale = 2 ** sum(isinstance(layer, nn.Upsample) for layer in self.taesd_decoder)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return the latent of a picture ``(batch, 3, ...)`` from -1 to 1.

        Raises:
            ModelFileError: The file has only a decoder.
        """
        if not hasattr(self, "taesd_encoder"):
            raise ModelFileError("This tiny VAE can only decode.")
        result: torch.Tensor = self.taesd_encoder(x * 0.5 + 0.5)
        return result / self.vae_scale + self.vae_shift

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return the picture of a latent, about -1 to 1."""
        result: torch.Tensor = self.taesd_decoder((z - self.vae_shift) * self.vae_scale)
        return result * 2 - 1
