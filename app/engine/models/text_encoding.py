"""Weighted rows of tokens to conditioning, for one encoder or several (rules D-154 to D-159)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.clip import CLIPTextModel
from app.engine.models.encoder_part import EncoderPart
from app.engine.models.t5 import T5Encoder
from app.engine.models.t5_encoding import T5EncoderPart
from app.engine.models.t5_tokenizer import T5PromptTokenizer, T5Rules
from app.engine.models.tokenizer import (
    END_TOKEN,
    START_TOKEN,
    EmbeddingLoader,
    MultiTokenizer,
    PromptTokenizer,
    Row,
    RowRules,
)
from app.engine.models.unigram import UnigramVocabulary, t5_vocabulary

TokenRows = Mapping[str, Sequence[Row]]
Encoded = tuple[torch.Tensor, torch.Tensor]
"""Conditioning ``(1, tokens, width)`` and pooled vector ``(1, width)`` of one encoder."""
JoinFunction = Callable[[Mapping[str, Encoded]], Encoded]

_FILE_KEYS: Final = {"l": "clip_l", "h": "clip_h", "g": "clip_g", "t5xxl": "t5xxl"}


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


class ClipEncoderPart(EncoderPart):
    """One CLIP encoder and its rules; packs know it as ``SDClipModel``."""

    transformer: CLIPTextModel

    def __init__(self, transformer: CLIPTextModel, rules: EncoderRules) -> None:
        super().__init__(transformer, rules.pad_token, rules.project)
        self.rules = rules

    @property
    def num_layers(self) -> int:
        """How many layers the network has."""
        return self.transformer.num_layers

    @property
    def width(self) -> int:
        """Width of a token."""
        return self.transformer.text_model.width

    def empty_row(self, length: int) -> list[int]:
        """Return the row of an empty prompt."""
        return [START_TOKEN, END_TOKEN, *[self.pad_token] * (length - 2)]

    def encode(self, rows: Sequence[Sequence[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """See :meth:`EncoderPart.encode`."""
        network = self.transformer.text_model
        device = self.execution_device or network.final_layer_norm.weight.device
        lists = self.fitting_rows(rows)
        embeds = self.embed(lists, device, network.embeddings.token_embedding)
        ends = [row.index(END_TOKEN) if END_TOKEN in row else len(row) - 1 for row in lists]
        layer = self.rules.layer if self.layer_idx is None else self.layer_idx
        last, kept, pooled = network(embeds, ends, layer, self.rules.norm_layer)
        if self.project:
            pooled = self.transformer.project(pooled)
        return (last if kept is None else kept).float(), pooled.float()


class TextModel(nn.Module):
    """All text encoders of a model; packs know it as ``cond_stage_model``.

    Args:
        parts: By the key of their rows: ``l``, ``h``, ``g``, ``t5xxl``.
        pooled_key: Which encoder's pooled vector is the model's.
        join: Makes one conditioning of several, or None to lay channels side by side.

    Attributes:
        keys: The rows' keys in the order of the conditioning's channels.
        pooled_key: See above.
    """

    def __init__(
        self, parts: Mapping[str, EncoderPart], pooled_key: str, join: JoinFunction | None = None
    ) -> None:
        super().__init__()
        self.keys = list(parts)
        self.pooled_key = pooled_key
        self._join = join
        for key, part in parts.items():
            setattr(self, _FILE_KEYS.get(key, key), part)

    def part(self, key: str) -> EncoderPart:
        """Return the encoder for the rows under ``key``."""
        found = getattr(self, _FILE_KEYS.get(key, key))
        assert isinstance(found, EncoderPart)
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
        parts = {key: self.part(key) for key in self.keys}
        if self._join is not None:
            # Nodes give no rows at all to a CLIP encoder that shall be left out.
            parts = {
                key: part
                for key, part in parts.items()
                if rows[key] or isinstance(part, T5EncoderPart)
            }
        found = {key: part.encode_token_weights(rows[key]) for key, part in parts.items()}
        if self._join is not None:
            return self._join(found)
        conds, (_, pooled) = [cond for cond, _ in found.values()], found[self.pooled_key]
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
        join: Makes one conditioning of several, or None to lay channels side by side.
        optional: Whether encoders may be missing.
    """

    rules: Mapping[str, EncoderRules | T5Rules]
    pooled: str
    join: JoinFunction | None = None
    optional: bool = False

    def reduced(self, keys: Iterable[str]) -> TextLayout:
        """Return the layout with the encoders of ``keys`` only."""
        kept = set(keys)
        return replace(self, rules={key: rule for key, rule in self.rules.items() if key in kept})


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

_CLIP_L_WIDTH: Final = 768
_CLIP_G_WIDTH: Final = 1280
_SD3_WIDTH: Final = 4096


def _join_flux(found: Mapping[str, Encoded]) -> Encoded:
    """Take the text of T5 and the pooled vector of CLIP-L (D-159)."""
    return found["t5xxl"][0], found["l"][1]


def _join_sd3(found: Mapping[str, Encoded]) -> Encoded:
    """Lay CLIP-L and CLIP-G side by side, and T5 behind them; missing ones are zeros (D-159)."""
    pooled = [
        found[key][1] if key in found else torch.zeros(1, width)
        for key, width in (("l", _CLIP_L_WIDTH), ("g", _CLIP_G_WIDTH))
    ]
    rows = []
    clips = [found[key][0] for key in ("l", "g") if key in found]
    if clips:
        length = min(cond.shape[1] for cond in clips)
        left = 0 if "l" in found else _CLIP_L_WIDTH
        joined = F.pad(torch.cat([cond[:, :length] for cond in clips], dim=-1), (left, 0))
        rows.append(F.pad(joined, (0, _SD3_WIDTH - joined.shape[-1])))
    if "t5xxl" in found:
        rows.append(found["t5xxl"][0])
    if not rows:
        rows.append(torch.zeros(1, 77, _SD3_WIDTH))
    return torch.cat(rows, dim=1), torch.cat(pooled, dim=-1)


FLUX_TEXT: Final = TextLayout(
    {"t5xxl": T5Rules(min_length=256), "l": EncoderRules(project=False)}, "l", _join_flux
)
SD3_TEXT: Final = TextLayout(
    {
        "l": EncoderRules(layer=-2, norm_layer=False, project=False),
        "g": EncoderRules(layer=-2, norm_layer=False, pad_token=0),
        "t5xxl": T5Rules(min_length=77),
    },
    "g",
    _join_sd3,
    optional=True,
)


def part_name(key: str) -> str:
    """Return what the encoder for the rows under ``key`` is called in a :class:`TextModel`."""
    return _FILE_KEYS.get(key, key)


def make_text_model(layout: TextLayout, networks: Mapping[str, nn.Module]) -> TextModel:
    """Return the encoders of a layout as one model.

    Raises:
        KeyError: A network of the layout is missing.
    """
    parts: dict[str, EncoderPart] = {}
    for key, rules in layout.rules.items():
        network = networks[key]
        if isinstance(rules, EncoderRules):
            assert isinstance(network, CLIPTextModel)
            parts[key] = ClipEncoderPart(network, rules)
        else:
            assert isinstance(network, T5Encoder)
            parts[key] = T5EncoderPart(network)
    return TextModel(parts, layout.pooled, layout.join)


def make_tokenizer(
    layout: TextLayout,
    widths: Mapping[str, int],
    find_embedding: Callable[[str, int, str], Any] | None = None,
    vocabulary: Callable[[], UnigramVocabulary] = t5_vocabulary,
) -> MultiTokenizer:
    """Return the tokenizers of a layout.

    Args:
        layout: The encoders.
        widths: Width of a token by encoder.
        find_embedding: From name, width and the encoder's name in files to rows or None.
        vocabulary: Gives the words of the T5 encoder when the first prompt comes.
    """

    def loader(key: str) -> EmbeddingLoader | None:
        if find_embedding is None:
            return None
        return lambda name: find_embedding(name, widths[key], _FILE_KEYS[key])

    def tokenizer(key: str, rules: EncoderRules | T5Rules) -> PromptTokenizer:
        if isinstance(rules, T5Rules):
            return T5PromptTokenizer(rules, vocabulary, loader(key))
        return PromptTokenizer(RowRules(rules.pad_token), loader(key))

    return MultiTokenizer({key: tokenizer(key, rules) for key, rules in layout.rules.items()})
