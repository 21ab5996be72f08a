"""What all text encoders have in common: options, weights of words, embeddings (D-154, D-155)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from app.engine.models.ops import Embedding
from app.engine.models.tokenizer import Row

log = logging.getLogger("easel.models")


class EncoderPart(nn.Module):
    """One text encoder and how it is used.

    Args:
        transformer: The network.
        pad_token: Fills rows.
        project: Whether the pooled vector is projected.

    Attributes:
        transformer: The network.
        layer_idx: Layer that the artist chose with clip skip, or None for the rules' own.
    """

    transformer: nn.Module
    shortest_row = 77
    """Places of the row that stands for no rows at all."""

    def __init__(self, transformer: nn.Module, pad_token: int, project: bool = False) -> None:
        super().__init__()
        self.transformer = transformer
        self.pad_token = pad_token
        self.layer_idx: int | None = None
        self.project = project
        self._projects = project
        self.execution_device: torch.device | None = None

    @property
    def num_layers(self) -> int:
        """How many layers the network has."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """Width of a token."""
        raise NotImplementedError

    def empty_row(self, length: int) -> list[int]:
        """Return the row of an empty prompt."""
        raise NotImplementedError

    def encode(self, rows: Sequence[Sequence[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode rows of equal length.

        Args:
            rows: Token ids and embedding rows.

        Returns:
            ``(rows, tokens, width)`` and ``(rows, pooled width)`` float32.
        """
        raise NotImplementedError

    def set_clip_options(self, options: Mapping[str, Any]) -> None:
        """Choose a layer, a projection, or a device; see :meth:`reset_clip_options`."""
        if "layer" in options:
            layer = options["layer"]
            beyond = layer is not None and abs(layer) > self.num_layers
            self.layer_idx = -1 if beyond else layer
        self.project = options.get("projected_pooled", self.project)
        self.execution_device = options.get("execution_device", self.execution_device)

    def reset_clip_options(self) -> None:
        """Go back to the rules' own choices."""
        self.layer_idx = None
        self.project = self._projects
        self.execution_device = None

    def encode_token_weights(self, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the conditioning ``(1, tokens, width)`` and the pooled ``(1, width)`` vector.

        Tokens are weighted against an empty row at the same place (D-154). Rows are encoded
        together, which changes nothing but the speed.
        """
        lists = [[place[0] for place in row] for row in rows]
        weighted = any(place[1] != 1.0 for row in rows for place in row)
        longest = max((len(row) for row in lists), default=0)
        if weighted or not lists:
            lists.append(self.empty_row(longest or self.shortest_row))
        out, pooled = self.encode(lists)
        if weighted:
            plain = out[-1]
            for index, row in enumerate(rows):
                weights = torch.tensor([place[1] for place in row], dtype=torch.float32)
                weights = weights.to(out.device)[:, None]
                changed = (out[index] - plain) * weights + plain
                out[index] = torch.where(weights == 1.0, out[index], changed)
            out = out[:-1]
        cond = out.reshape(1, -1, out.shape[-1])
        return cond.cpu().float(), pooled[:1].cpu().float()

    def fitting_rows(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Return rows without embeddings made for another encoder, padded instead (D-155)."""
        return [self._fitting(row) for row in rows]

    def embed(
        self, rows: Sequence[Sequence[Any]], device: torch.device, table: Embedding
    ) -> torch.Tensor:
        """Return ``(rows, tokens, width)`` float32: rows of the table, and embeddings as given."""
        ids = torch.tensor(
            [[token if isinstance(token, int) else 0 for token in row] for row in rows],
            dtype=torch.long, device=device,
        )  # fmt: skip
        embeds = table.rows(ids, torch.float32)
        for index, row in enumerate(rows):
            for place, token in enumerate(row):
                if not isinstance(token, int):
                    embeds[index, place] = token.to(device=device, dtype=torch.float32)
        return embeds

    def _fitting(self, row: Sequence[Any]) -> list[Any]:
        fitting = [
            token for token in row if isinstance(token, int) or tuple(token.shape) == (self.width,)
        ]
        missing = len(row) - len(fitting)
        if missing:
            log.warning(
                "An embedding was left out: it is made for another text encoder than this one "
                "with %d channels.", self.width,
            )  # fmt: skip
        plain: list[Any] = [int(token) if isinstance(token, int) else token for token in fitting]
        return plain + [self.pad_token] * missing
