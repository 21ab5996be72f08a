"""Weighted rows of tokens to conditioning, for one encoder or several (rules D-154 to D-159)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from app.engine.models.clip import CLIPTextModel
from app.engine.models.tokenizer import (
    END_TOKEN,
    START_TOKEN,
    EmbeddingLoader,
    MultiTokenizer,
    PromptTokenizer,
    Row,
    RowRules,
)

log = logging.getLogger("easel.models")

TokenRows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class EncoderRules:
    """What is taken from an encoder (D-157).

    Attributes:
        layer: Layer whose output is the conditioning, from the end; None is the last, normalised.
        norm_layer: Whether a middle layer's output is normalised too.
        project: Whether the pooled vector is projected.
        pad_token: Fills rows.
    """

    layer: int | None = None
    norm_layer: bool = True
    project: bool = True
    pad_token: int = END_TOKEN


class ClipEncoderPart(nn.Module):
    """One CLIP encoder and its rules; packs know it as ``SDClipModel``.

    Attributes:
        transformer: The network.
        layer_idx: Layer that the artist chose with clip skip, or None for the rules' own.
    """

    def __init__(self, transformer: CLIPTextModel, rules: EncoderRules) -> None:
        super().__init__()
        self.transformer = transformer
        self.rules = rules
        self.layer_idx: int | None = None
        self.project = rules.project
        self.execution_device: torch.device | None = None

    @property
    def num_layers(self) -> int:
        """How many layers the network has."""
        return self.transformer.num_layers

    @property
    def width(self) -> int:
        """Width of a token."""
        return self.transformer.text_model.width

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
        self.project = self.rules.project
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
            longest = longest or 77
            padding = [self.rules.pad_token] * (longest - 2)
            lists.append([START_TOKEN, END_TOKEN, *padding])
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

    def encode(self, rows: Sequence[Sequence[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode rows of equal length.

        Args:
            rows: Token ids and embedding rows.

        Returns:
            ``(rows, tokens, width)`` and ``(rows, pooled width)`` float32.
        """
        network = self.transformer.text_model
        device = self.execution_device or network.final_layer_norm.weight.device
        lists = [self._fitting(row) for row in rows]
        ids = torch.tensor(
            [[token if isinstance(token, int) else 0 for token in row] for row in lists],
            dtype=torch.long, device=device,
        )  # fmt: skip
        embeds = network.embeddings(ids, torch.float32)
        ends = []
        for index, row in enumerate(lists):
            for place, token in enumerate(row):
                if not isinstance(token, int):
                    embeds[index, place] = token.to(device=device, dtype=torch.float32)
            ends.append(row.index(END_TOKEN) if END_TOKEN in row else len(row) - 1)
        layer = self.rules.layer if self.layer_idx is None else self.layer_idx
        last, kept, pooled = network(embeds, ends, layer, self.rules.norm_layer)
        if self.project:
            pooled = self.transformer.project(pooled)
        return (last if kept is None else kept).float(), pooled.float()

    def _fitting(self, row: Sequence[Any]) -> list[Any]:
        """Leave out embedding rows made for another encoder, and pad (D-155)."""
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
        return plain + [self.rules.pad_token] * missing


class TextModel(nn.Module):
    """All text encoders of a model; packs know it as ``cond_stage_model``.

    Args:
        parts: By the key of their rows: ``l``, ``h``, ``g``.
        dtypes: Types of the weights, for packs that ask.

    Attributes:
        keys: The rows' keys in the order of the conditioning's channels.
        pooled_key: Which encoder's pooled vector is the model's.
    """

    def __init__(self, parts: Mapping[str, ClipEncoderPart], pooled_key: str) -> None:
        super().__init__()
        self.keys = list(parts)
        self.pooled_key = pooled_key
        for key, part in parts.items():
            setattr(self, f"clip_{key}", part)

    def part(self, key: str) -> ClipEncoderPart:
        """Return the encoder for the rows under ``key``."""
        found = getattr(self, f"clip_{key}")
        assert isinstance(found, ClipEncoderPart)
        return found

    def set_clip_options(self, options: Mapping[str, Any]) -> None:
        """Pass options on to every encoder."""
        for key in self.keys:
            self.part(key).set_clip_options(options)

    def reset_clip_options(self) -> None:
        """Let every encoder go back to its own choices."""
        for key in self.keys:
            self.part(key).reset_clip_options()

    def encode_token_weights(self, rows: TokenRows) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the conditioning of all encoders side by side, and the pooled vector.

        Raises:
            KeyError: Rows for one of the encoders are missing.
        """
        conds = []
        pooled = torch.zeros(0)
        for key in self.keys:
            cond, own = self.part(key).encode_token_weights(rows[key])
            conds.append(cond)
            if key == self.pooled_key:
                pooled = own
        if len(conds) == 1:
            return conds[0], pooled
        length = min(cond.shape[1] for cond in conds)
        return torch.cat([cond[:, :length] for cond in conds], dim=-1), pooled


@dataclass(frozen=True, slots=True)
class TextLayout:
    """Which encoders a family of models has.

    Attributes:
        rules: By row key, in the order of the conditioning's channels.
        pooled: Key of the encoder whose pooled vector is used.
    """

    rules: Mapping[str, EncoderRules]
    pooled: str


SD1_TEXT: Final = TextLayout({"l": EncoderRules(project=False)}, "l")
SD2_TEXT: Final = TextLayout({"h": EncoderRules(layer=-2, pad_token=0)}, "h")
SDXL_TEXT: Final = TextLayout(
    {
        "l": EncoderRules(layer=-2, norm_layer=False, project=False),
        "g": EncoderRules(layer=-2, norm_layer=False, pad_token=0),
    },
    "g",
)
SDXL_REFINER_TEXT: Final = TextLayout(
    {"g": EncoderRules(layer=-2, norm_layer=False, pad_token=0)}, "g"
)

_FILE_KEYS: Final = {"l": "clip_l", "h": "clip_h", "g": "clip_g"}


def make_text_model(layout: TextLayout, networks: Mapping[str, CLIPTextModel]) -> TextModel:
    """Return the encoders of a layout as one model.

    Raises:
        KeyError: A network of the layout is missing.
    """
    parts = {key: ClipEncoderPart(networks[key], rules) for key, rules in layout.rules.items()}
    return TextModel(parts, layout.pooled)


def make_tokenizer(
    layout: TextLayout,
    widths: Mapping[str, int],
    find_embedding: Callable[[str, int, str], Any] | None = None,
) -> MultiTokenizer:
    """Return the tokenizers of a layout.

    Args:
        layout: The encoders.
        widths: Width of a token by encoder.
        find_embedding: From name, width and the encoder's name in files to rows or None.
    """

    def loader(key: str) -> EmbeddingLoader | None:
        if find_embedding is None:
            return None
        return lambda name: find_embedding(name, widths[key], _FILE_KEYS[key])

    return MultiTokenizer(
        {
            key: PromptTokenizer(RowRules(rules.pad_token), loader(key))
            for key, rules in layout.rules.items()
        }
    )
