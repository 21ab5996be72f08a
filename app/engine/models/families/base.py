"""What a family of models is: everything the program must know about it, in one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from app.engine.models.detect import UNetFacts
from app.engine.models.diffusers_names import Places
from app.engine.models.latent_formats import LatentFormat
from app.engine.models.ops import empty, fill
from app.engine.models.predictions import ModelType
from app.engine.models.text_encoding import TextLayout
from app.engine.models.unet import HeadRule, Shapes, UNetModel, shapes_of

if TYPE_CHECKING:
    from app.engine.models.text_encoder import CLIP

Sampling = tuple[ModelType, dict[str, Any]]
VectorFunction = Callable[[Mapping[str, Any]], "torch.Tensor | None"]
ClipFunction = Callable[[Mapping[str, torch.Tensor]], "CLIP | None"]
ConditionFunction = Callable[[Any, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of diffusion model.

    Attributes:
        name: Name that packs know its class by.
        title: Words for the artist.
        matches: Whether the shapes of a diffusion model are of this family.
        make_network: Builds the network from its tensors (names without prefix).
        sampling: From all tensors of the diffusion model to how it is sampled.
        latent_format: How its latents are scaled.
        text: Its text encoders, or None when it has none of ours.
        text_prefixes: Where each encoder lies in a checkpoint, first match wins.
        make_clip: Makes a text encoder of the family's own kind from a checkpoint's tensors.
        vector: Makes the vector condition ``y`` from a prompt's values, or None.
        conditions: Makes further inputs of the network from a prompt's values.
        text_hint: How an artist loads its text encoders, for messages.
        places: Gives diffusers' names for the shapes of its tensors, where they differ.
        dtypes: Types that it may compute in on a graphics card, best first.
        memory_factor: Working memory in units of the reference's formula.
        attention_float32: Whether attention must be computed in float32.
        ldm_unet: Whether the network is a classic UNet, for the names in LoRA files.
    """

    name: str
    title: str
    matches: Callable[[Shapes], bool]
    make_network: Callable[[Mapping[str, torch.Tensor]], nn.Module]
    sampling: Callable[[Mapping[str, torch.Tensor]], Sampling]
    latent_format: LatentFormat
    text: TextLayout | None = None
    text_prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    make_clip: ClipFunction | None = None
    vector: VectorFunction | None = None
    conditions: ConditionFunction | None = None
    text_hint: str = "the ones inside its checkpoint"
    places: Callable[[Shapes], Places] | None = None
    dtypes: tuple[torch.dtype, ...] = (torch.float16, torch.bfloat16)
    memory_factor: float = 1.0
    attention_float32: bool = False
    ldm_unet: bool = True


def classic_unet(heads: HeadRule) -> Callable[[Mapping[str, torch.Tensor]], nn.Module]:
    """Return a builder of classic UNets with the given heads."""

    def make(tensors: Mapping[str, torch.Tensor]) -> nn.Module:
        network: nn.Module = empty(lambda: UNetModel(shapes_of(tensors), heads))
        fill(network, tensors, "diffusion model")
        return network

    return make


def own_network(
    build: Callable[[Shapes], nn.Module],
) -> Callable[[Mapping[str, torch.Tensor]], nn.Module]:
    """Return a builder of networks that are read from the shapes of their tensors alone."""

    def make(tensors: Mapping[str, torch.Tensor]) -> nn.Module:
        network: nn.Module = empty(lambda: build(shapes_of(tensors)))
        fill(network, tensors, "diffusion model")
        return network

    return make


def check_prompt(model: Any, text: torch.Tensor | None) -> None:
    """Refuse a prompt that was encoded for another kind of model.

    Args:
        model: A ``DiffusionModel`` whose network tells its ``context_dim``.
        text: ``(batch, tokens, width)``, or None.

    Raises:
        ValueError: The text's width is not the network's.
    """
    expected = model.diffusion_model.context_dim
    if text is None or text.shape[-1] == expected:
        return
    family: Family = model.family
    raise ValueError(
        f"The prompt was encoded for another kind of model: its values are {text.shape[-1]} wide, "
        f"and {family.title} takes {expected}. Load the text encoders that belong to "
        f"{family.title}: {family.text_hint}."
    )


def unet_matcher(condition: Callable[[UNetFacts], bool]) -> Callable[[Shapes], bool]:
    """Return a test of a classic UNet's facts."""
    from app.engine.models.detect import unet_facts

    def matches(shapes: Shapes) -> bool:
        facts = unet_facts(shapes)
        return facts is not None and not facts.temporal and condition(facts)

    return matches


def noise_prediction(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    """Return the sampling of a model that predicts noise."""
    return ModelType.EPS, {}
