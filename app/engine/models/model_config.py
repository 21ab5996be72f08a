"""What node packs ask of a loaded model about its kind: ``model.model.model_config``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from app.engine.models.detect import unet_facts
from app.engine.models.families.base import Family
from app.engine.models.unet import shapes_of


class ModelConfig:
    """A family together with what one file says; other attributes are those of the family.

    Args:
        family: What the network is.
        sampling_settings: What the table of noise levels was made from.
        network: The network.

    Attributes:
        family: See above.
        sampling_settings: See above.
        supported_inference_dtypes: Types that it may compute in, best first.
        manual_cast_dtype: Type to compute in where it differs from the weights', or None.
        scaled_fp8: Type of weights that carry a scale of their own, or None.
    """

    def __init__(
        self, family: Family, sampling_settings: Mapping[str, Any] | None, network: nn.Module
    ) -> None:
        self.family = family
        self.sampling_settings: dict[str, Any] = dict(sampling_settings or {})
        self.supported_inference_dtypes = [*family.dtypes, torch.float32]
        self.manual_cast_dtype: torch.dtype | None = None
        self.scaled_fp8: torch.dtype | None = None
        self._network = network

    def __getattr__(self, name: str) -> Any:
        # While the object is being made or copied it has no family yet.
        if name.startswith("_") or name == "family":
            raise AttributeError(name)
        return getattr(self.family, name)

    @property
    def memory_usage_factor(self) -> float:
        """Return the working memory in units of the reference's formula."""
        return self.family.memory_factor

    @functools.cached_property
    def unet_config(self) -> dict[str, Any]:
        """Return the shape of the network under the names that packs know, as far as it has them.

        ``in_channels``, ``out_channels``, ``model_channels``, ``context_dim``,
        ``adm_in_channels``, ``channel_mult``, ``num_res_blocks``, ``transformer_depth``,
        ``transformer_depth_output``, ``transformer_depth_middle`` and
        ``use_linear_in_transformer`` for a classic UNet; ``config`` of other networks.
        """
        tensors: dict[str, torch.Tensor] = dict(self._network.named_parameters())
        facts = unet_facts(shapes_of(tensors))
        if facts is None:
            return dict(getattr(self._network, "config", {}))
        return {
            "in_channels": facts.in_channels,
            "out_channels": facts.out_channels,
            "model_channels": facts.model_channels,
            "context_dim": facts.context_dim,
            "adm_in_channels": facts.adm_in_channels,
            "num_classes": None if facts.adm_in_channels is None else "sequential",
            "channel_mult": list(facts.channel_mult),
            "num_res_blocks": list(facts.num_res_blocks),
            "transformer_depth": list(facts.transformer_depth),
            "transformer_depth_output": list(facts.transformer_depth_output),
            "transformer_depth_middle": facts.transformer_depth_middle,
            "use_linear_in_transformer": facts.use_linear,
            "use_temporal_attention": facts.temporal,
            "image_size": 32,
            "use_spatial_transformer": True,
            "legacy": False,
        }
