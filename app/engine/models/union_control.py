"""What a union ControlNet has beside a plain one: one net for many kinds of hints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.ops import Linear
from app.engine.models.style_model import ResidualAttentionBlock
from app.engine.models.unet import Shapes
from app.engine.models.unet_blocks import timestep_embedding

KINDS: Final = {
    "openpose": 0,
    "depth": 1,
    "hed/pidi/scribble/ted": 2,
    "canny/lineart/anime_lineart/mlsd": 3,
    "normal": 4,
    "segment": 5,
    "tile": 6,
    "repaint": 7,
}
"""Kinds of hints by their names in menus."""

PARTS: Final = (
    "task_embedding",
    "transformer_layes.",
    "spatial_ch_projs.",
    "control_add_embedding.",
)
"""What the names of the further tensors begin with; the misspelling is that of the files."""

_WAVES: Final = 256


class KindEmbedding(nn.Module):
    """The chosen kinds as a vector beside the time's."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        first = shapes["control_add_embedding.linear_1.weight"]
        second = shapes["control_add_embedding.linear_2.weight"]
        self.kinds = first[1] // _WAVES
        self.linear_1 = Linear(first[1], first[0])
        self.linear_2 = Linear(second[1], second[0])

    def forward(self, chosen: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        """Return ``(1, width)`` in the type and on the device of ``like``."""
        marks = torch.zeros(self.kinds, device=like.device)
        for kind in chosen:
            marks[kind] = 1.0
        waves = timestep_embedding(marks, _WAVES).reshape(1, -1).to(like.dtype)
        result: torch.Tensor = self.linear_2(F.silu(self.linear_1(waves)))
        return result


class UnionParts(nn.Module):
    """Tells a net what kind of hint it sees.

    Args:
        shapes: Shapes of a union ControlNet.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        kinds, width = shapes["task_embedding"]
        self.task_embedding = nn.Parameter(torch.empty(kinds, width))
        layers = {name.split(".")[1] for name in shapes if name.startswith("transformer_layes.")}
        self.transformer_layes = nn.Sequential(*(ResidualAttentionBlock(width) for _ in layers))
        self.spatial_ch_projs = Linear(width, width)
        self.control_add_embedding = KindEmbedding(shapes)

    def check(self, chosen: Sequence[int]) -> None:
        """Refuse kinds that the net was not trained with.

        Raises:
            ValueError: The net does not know a kind.
        """
        known = self.task_embedding.shape[0]
        if any(kind >= known for kind in chosen):
            raise ValueError(
                f"This union ControlNet knows {known} kinds of pictures, and not this one; "
                "choose another kind in SetUnionControlNetType."
            )

    def guide(self, hint: torch.Tensor, chosen: Sequence[int]) -> torch.Tensor:
        """Return the encoded hint ``(batch, width, height, width)`` with its kind mixed in."""
        if not chosen:
            return hint
        seen = hint.mean(dim=(2, 3)) + self.task_embedding[chosen[0]].to(hint)
        mixed = self.spatial_ch_projs(self.transformer_layes(seen.unsqueeze(1))[:, 0])
        result: torch.Tensor = hint + mixed[:, :, None, None]
        return result
