"""GLIGEN: boxes of a picture that follow words of their own.

Source: Li et al. 2023, "GLIGEN: Open-Set Grounded Text-to-Image Generation" (arXiv:2301.07093).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.detect import describe
from app.engine.models.ops import LayerNorm, Linear, empty, fill
from app.engine.models.patcher import ModelPatcher
from app.engine.models.unet import Shapes, shapes_of
from app.engine.models.unet_blocks import CrossAttention, FeedForward
from app.engine.models.weights import read_weights

MOST_BOXES: Final = 30
_WAVES: Final = 8
_BASE: Final = 100.0
_SD1_TEXT_WIDTH: Final = 768

Box = tuple[torch.Tensor, int, int, int, int]
"""Pooled text ``(1, width)``, height, width, y and x in latent cells."""

Patch = Callable[[torch.Tensor, dict[str, Any]], torch.Tensor]


class GatedSelfAttention(nn.Module):
    """Lets the cells of a picture look at boxes as well as at each other."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        width, context = shapes[stem + "linear.weight"]
        heads, size = (8, width // 8) if context == _SD1_TEXT_WIDTH else (width // 64, 64)
        self.linear = Linear(context, width)
        self.attn = CrossAttention(width, width, heads, size)
        self.ff = FeedForward(width, shapes[stem + "ff.net.2.weight"][1])
        self.norm1 = LayerNorm(width)
        self.norm2 = LayerNorm(width)
        self.alpha_attn = nn.Parameter(torch.empty(shapes[stem + "alpha_attn"]))
        self.alpha_dense = nn.Parameter(torch.empty(shapes[stem + "alpha_dense"]))

    def forward(self, x: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape as ``x`` ``(batch, cells, width)``."""
        cells = x.shape[1]
        both = torch.cat([x, self.linear(boxes.to(x))], dim=1)
        x = x + torch.tanh(self.alpha_attn).to(x) * self.attn(self.norm1(both))[:, :cells]
        result: torch.Tensor = x + torch.tanh(self.alpha_dense).to(x) * self.ff(self.norm2(x))
        return result


class PositionNet(nn.Module):
    """Words and corners of boxes to tokens."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        stem = "position_net."
        sizes = [shapes[f"{stem}linears.{index}.weight"] for index in (0, 2, 4)]
        self.linears = nn.Sequential(
            Linear(sizes[0][1], sizes[0][0]),
            nn.SiLU(),
            Linear(sizes[1][1], sizes[1][0]),
            nn.SiLU(),
            Linear(sizes[2][1], sizes[2][0]),
        )
        words = shapes[stem + "null_positive_feature"]
        self.null_positive_feature = nn.Parameter(torch.empty(words))
        places = shapes[stem + "null_position_feature"]
        self.null_position_feature = nn.Parameter(torch.empty(places))

    def forward(
        self, corners: torch.Tensor, used: torch.Tensor, words: torch.Tensor
    ) -> torch.Tensor:
        """Return ``(batch, boxes, width)``.

        Args:
            corners: ``(batch, boxes, 4)``: left, top, right, bottom, 0 to 1.
            used: ``(batch, boxes)``, 1 for boxes and 0 for empty places.
            words: ``(batch, boxes, text width)``.
        """
        steps = _BASE ** (torch.arange(_WAVES, device=corners.device) / _WAVES)
        angles = corners[..., None, :] * steps[:, None]
        waves = torch.stack([torch.sin(angles), torch.cos(angles)], dim=-2).flatten(2)
        mask = used[..., None]
        words = words * mask + (1 - mask) * self.null_positive_feature.to(words)
        waves = waves * mask + (1 - mask) * self.null_position_feature.to(words)
        result: torch.Tensor = self.linears(torch.cat([words, waves], dim=-1))
        return result


class GligenModel(nn.Module):
    """The further layers of a UNet and the net that reads boxes.

    Args:
        shapes: Shapes of all tensors, under the names that :func:`gligen_tensors` gives.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        count = 1 + max(int(name.split(".")[1]) for name in shapes if name.startswith("modules_."))
        self.modules_ = nn.ModuleList(
            GatedSelfAttention(shapes, f"modules_.{index}.") for index in range(count)
        )
        self.position_net = PositionNet(shapes)
        self.text_width = shapes["position_net.null_positive_feature"][0]

    def set_position(
        self, latent_image_shape: Sequence[int], position_params: Sequence[Box], device: Any
    ) -> Patch:
        """Return the hook for a call whose latents have boxes.

        Args:
            latent_image_shape: ``(batch, channels, height, width)``.
            position_params: Boxes; those beyond :data:`MOST_BOXES` are left out.
            device: Where the hook computes.
        """
        batch, _, height, width = latent_image_shape
        corners, used = torch.zeros(MOST_BOXES, 4), torch.zeros(MOST_BOXES)
        words = torch.zeros(MOST_BOXES, self.text_width)
        for index, (text, rows, columns, y, x) in enumerate(position_params[:MOST_BOXES]):
            corners[index] = torch.tensor(
                [x / width, y / height, (x + columns) / width, (y + rows) / height]
            )
            used[index] = 1.0
            words[index] = text.reshape(-1, self.text_width)[0]
        return self._patch(corners, used, words, batch, device)

    def set_empty(self, latent_image_shape: Sequence[int], device: Any) -> Patch:
        """Return the hook for a call without boxes, as for the negative prompt."""
        words = torch.zeros(MOST_BOXES, self.text_width)
        blank = torch.zeros(MOST_BOXES, 4), torch.zeros(MOST_BOXES), words
        return self._patch(*blank, latent_image_shape[0], device)

    def _patch(
        self,
        corners: torch.Tensor,
        used: torch.Tensor,
        words: torch.Tensor,
        batch: int,
        device: Any,
    ) -> Patch:
        given = [part.to(device).expand(batch, *part.shape) for part in (corners, used, words)]
        tokens = self.position_net(*given)

        def look(x: torch.Tensor, extra: dict[str, Any]) -> torch.Tensor:
            place = extra["transformer_index"]
            if place >= len(self.modules_):
                return x
            repeats = -(-x.shape[0] // tokens.shape[0])
            result: torch.Tensor = self.modules_[place](x, tokens.repeat(repeats, 1, 1))
            return result

        return look


class Gligen:
    """A GLIGEN model with its memory, as nodes use it."""

    def __init__(self, model: GligenModel) -> None:
        self.model = model
        device = memory.get_torch_device()
        self.patcher = ModelPatcher(model, device, memory.offload_device())
        self.load_device = device


_BLOCK = re.compile(r"^(?:.*\.)?(input_blocks|middle_block|output_blocks)\.(\d+)\..*fuser\.(.+)$")
_PARTS: Final = ("input_blocks", "middle_block", "output_blocks")


def gligen_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a GLIGEN file with its layers numbered in the order of the UNet."""
    found: dict[tuple[int, int], dict[str, torch.Tensor]] = {}
    result: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        match = _BLOCK.match(name)
        if match is not None:
            place = _PARTS.index(match[1]), int(match[2])
            found.setdefault(place, {})[match[3]] = tensor
        elif "position_net." in name:
            result["position_net." + name.rpartition("position_net.")[2]] = tensor
    for index, place in enumerate(sorted(found)):
        result.update({f"modules_.{index}.{key}": value for key, value in found[place].items()})
    return result


def load_gligen(path: str | os.PathLike[str]) -> Gligen:
    """Load a GLIGEN model.

    Raises:
        ModelFileError: The file cannot be read, or holds none.
    """
    tensors = read_weights(path).tensors
    ours = gligen_tensors(tensors)
    shapes = shapes_of(ours)
    try:
        network: Any = empty(lambda: GligenModel(shapes))
    except (KeyError, ValueError) as error:
        name = os.path.basename(os.fspath(path))
        raise ModelFileError(
            f'"{name}" is not a GLIGEN model: it looks like {describe(tensors)}.'
        ) from error
    fill(network, ours, "GLIGEN model")
    return Gligen(network)
