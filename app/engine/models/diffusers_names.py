"""Names of transformer weights in diffusers' files and LoRAs, and where they lie in ours.

The makers of Flux and SD3 keep queries, keys and values in one weight, diffusers in three; and
diffusers stores scale before shift where the makers store shift before scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import torch

from app.engine.errors import ModelFileError
from app.engine.models.transformer_parts import count_blocks
from app.engine.models.unet import Shapes, shapes_of
from app.engine.models.weights import StateDict

_BEHIND: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer of diffusers lies.

    Attributes:
        name: Our layer, without ``.weight``; or our whole tensor name when ``whole``.
        part: Queries, keys, values (0 to 2), each as many rows as the layer is wide, or what lies
            behind them (3); None for all rows.
        swapped: Whether the two halves of the rows change places.
        whole: Whether the names are those of tensors and not of layers.
    """

    name: str
    part: int | None = None
    swapped: bool = False
    whole: bool = False

    def rows(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the first row and how many there are in a weight of ours, or None for all.

        Args:
            shape: Of our weight, ``(rows, width)``.
        """
        if self.part is None:
            return None
        start = self.part * shape[1]
        return start, shape[0] - start if self.part == _BEHIND else shape[1]


Places = Mapping[str, Place]


def swap_halves(rows: torch.Tensor) -> torch.Tensor:
    """Return a tensor whose second half of rows comes first."""
    first, second = rows.chunk(2, dim=0)
    return torch.cat([second, first], dim=0)


def _attention(theirs: str, ours: str, added: bool, norm: tuple[str, str]) -> dict[str, Place]:
    stem = "add_{}_proj" if added else "to_{}"
    found = {
        f"{theirs}.{stem.format(letter)}": Place(f"{ours}.qkv", index)
        for index, letter in enumerate("qkv")
    }
    found[f"{theirs}.{'to_add_out' if added else 'to_out.0'}"] = Place(f"{ours}.proj")
    prefix = "norm_added_" if added else "norm_"
    for letter, name in zip("qk", norm, strict=True):
        found[f"{theirs}.{prefix}{letter}.weight"] = Place(f"{ours}.{name}", whole=True)
    return found


_FLUX_NORM: Final = ("norm.query_norm.scale", "norm.key_norm.scale")
_MMDIT_NORM: Final = ("ln_q.weight", "ln_k.weight")


def flux_places(doubles: int, singles: int) -> dict[str, Place]:
    """Return diffusers' names for a Flux network with so many blocks."""
    found = {
        "x_embedder": Place("img_in"),
        "context_embedder": Place("txt_in"),
        "norm_out.linear": Place("final_layer.adaLN_modulation.1", swapped=True),
        "proj_out": Place("final_layer.linear"),
    }
    for theirs, ours in (
        ("timestep_embedder", "time_in"),
        ("text_embedder", "vector_in"),
        ("guidance_embedder", "guidance_in"),
    ):
        found[f"time_text_embed.{theirs}.linear_1"] = Place(f"{ours}.in_layer")
        found[f"time_text_embed.{theirs}.linear_2"] = Place(f"{ours}.out_layer")
    for index in range(doubles):
        theirs, ours = f"transformer_blocks.{index}", f"double_blocks.{index}"
        for stream, suffix, added in (("img", "", False), ("txt", "_context", True)):
            found[f"{theirs}.norm1{suffix}.linear"] = Place(f"{ours}.{stream}_mod.lin")
            found[f"{theirs}.ff{suffix}.net.0.proj"] = Place(f"{ours}.{stream}_mlp.0")
            found[f"{theirs}.ff{suffix}.net.2"] = Place(f"{ours}.{stream}_mlp.2")
            found |= _attention(f"{theirs}.attn", f"{ours}.{stream}_attn", added, _FLUX_NORM)
    for index in range(singles):
        theirs, ours = f"single_transformer_blocks.{index}", f"single_blocks.{index}"
        found[f"{theirs}.norm.linear"] = Place(f"{ours}.modulation.lin")
        for part, letter in enumerate("qkv"):
            found[f"{theirs}.attn.to_{letter}"] = Place(f"{ours}.linear1", part)
        found[f"{theirs}.proj_mlp"] = Place(f"{ours}.linear1", _BEHIND)
        found[f"{theirs}.proj_out"] = Place(f"{ours}.linear2")
        for letter, name in zip("qk", _FLUX_NORM, strict=True):
            found[f"{theirs}.attn.norm_{letter}.weight"] = Place(f"{ours}.{name}", whole=True)
    return found


def mmdit_places(blocks: int) -> dict[str, Place]:
    """Return diffusers' names for an SD3 network with so many blocks."""
    found = {
        "pos_embed.pos_embed": Place("pos_embed", whole=True),
        "pos_embed.proj": Place("x_embedder.proj"),
        "context_embedder": Place("context_embedder"),
        "norm_out.linear": Place("final_layer.adaLN_modulation.1", swapped=True),
        "proj_out": Place("final_layer.linear"),
    }
    for theirs, ours in (("timestep_embedder", "t_embedder"), ("text_embedder", "y_embedder")):
        found[f"time_text_embed.{theirs}.linear_1"] = Place(f"{ours}.mlp.0")
        found[f"time_text_embed.{theirs}.linear_2"] = Place(f"{ours}.mlp.2")
    for index in range(blocks):
        theirs, ours = f"transformer_blocks.{index}", f"joint_blocks.{index}"
        for stream, suffix, added in (("x", "", False), ("context", "_context", True)):
            block = f"{ours}.{stream}_block"
            # The text of the last block only has shift and scale, in diffusers' other order.
            swapped = added and index == blocks - 1
            found[f"{theirs}.norm1{suffix}.linear"] = Place(
                f"{block}.adaLN_modulation.1", swapped=swapped
            )
            found[f"{theirs}.ff{suffix}.net.0.proj"] = Place(f"{block}.mlp.fc1")
            found[f"{theirs}.ff{suffix}.net.2"] = Place(f"{block}.mlp.fc2")
            found |= _attention(f"{theirs}.attn", f"{block}.attn", added, _MMDIT_NORM)
        found |= _attention(f"{theirs}.attn2", f"{ours}.x_block.attn2", False, _MMDIT_NORM)
    return found


def flux_places_of(shapes: Shapes) -> dict[str, Place]:
    """Return diffusers' names for a Flux network of ours."""
    return flux_places(
        count_blocks(shapes, "double_blocks."), count_blocks(shapes, "single_blocks.")
    )


def mmdit_places_of(shapes: Shapes) -> dict[str, Place]:
    """Return diffusers' names for an SD3 network of ours."""
    return mmdit_places(count_blocks(shapes, "joint_blocks."))


def own_layout(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Return a transformer's tensors under our names; others are returned as they are.

    Weights that diffusers keeps apart are laid together, which copies them.

    Raises:
        ModelFileError: A part of a weight is missing.
    """
    if "transformer_blocks.0.attn.add_q_proj.weight" not in tensors:
        return tensors
    shapes = shapes_of(tensors)
    blocks = count_blocks(shapes, "transformer_blocks.")
    if "single_transformer_blocks.0.attn.to_q.weight" in tensors:
        places = flux_places(blocks, count_blocks(shapes, "single_transformer_blocks."))
    elif "pos_embed.pos_embed" in tensors:
        places = mmdit_places(blocks)
    else:
        return tensors
    return _joined(tensors, places)


def _joined(tensors: Mapping[str, torch.Tensor], places: Places) -> StateDict:
    result: StateDict = {}
    parts: dict[str, list[torch.Tensor]] = {}
    for theirs, place in places.items():
        for ending in ("",) if place.whole else (".weight", ".bias"):
            tensor = tensors.get(theirs + ending)
            if tensor is None:
                continue
            name = place.name + ending
            if place.part is not None:
                parts.setdefault(name, []).append(tensor)
            else:
                result[name] = swap_halves(tensor) if place.swapped else tensor
    expected = _part_counts(places)
    for name, found in parts.items():
        if len(found) != expected[name.rpartition(".")[0]]:
            raise ModelFileError(f'The diffusion model is not complete: "{name}" lacks a part.')
        result[name] = torch.cat(found, dim=0)
    return result


def _part_counts(places: Places) -> dict[str, int]:
    counts: dict[str, int] = {}
    for place in places.values():
        if place.part is not None:
            counts[place.name] = counts.get(place.name, 0) + 1
    return counts


LoraTarget = (
    str
    | tuple[str, tuple[int, int, int] | None]
    | tuple[str, tuple[int, int, int] | None, Callable[[torch.Tensor], torch.Tensor]]
)
"""A weight, or ``(weight, (axis, start, length) or None[, function])`` for a part of one."""


def lora_targets(places: Places, shapes: Shapes, prefix: str) -> Iterable[tuple[str, LoraTarget]]:
    """Yield diffusers' layer names with what a LoRA for them changes.

    Args:
        places: Of the network.
        shapes: Of its tensors, without ``prefix``.
        prefix: Put before our names.
    """
    for theirs, place in places.items():
        name = place.name if place.whole else place.name + ".weight"
        shape = shapes.get(name)
        if shape is None:
            continue
        rows = None if place.whole else place.rows(shape)
        stem = theirs.removesuffix(".weight")
        if place.swapped:
            yield stem, (prefix + name, None, swap_halves)
        elif rows is not None:
            yield stem, (prefix + name, (0, *rows))
        else:
            yield stem, prefix + name
