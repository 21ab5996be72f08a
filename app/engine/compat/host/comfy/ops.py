"""``comfy.ops``: layers for networks that packs build.

``disable_weight_init`` has layers that start empty, since their weights come from a file;
``manual_cast`` has the same, and converts weights to the type and device of each input. A
pack derives from either and changes ``forward_comfy_cast_weights``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

__all__ = [
    "CastWeightBiasOp",
    "cast_bias_weight",
    "cast_to",
    "cast_to_input",
    "disable_weight_init",
    "manual_cast",
    "pick_operations",
    "uncast_bias_weight",
]

Pair = tuple[torch.Tensor, "torch.Tensor | None"]


def cast_to(
    weight: torch.Tensor,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    stream: Any = None,
) -> torch.Tensor:
    """Return a tensor on another device and in another type; a new one when ``copy`` is set."""
    return weight.to(
        device=device or weight.device,
        dtype=dtype or weight.dtype,
        non_blocking=non_blocking,
        copy=copy,
    )


def cast_to_input(
    weight: torch.Tensor, input: torch.Tensor, non_blocking: bool = False, copy: bool = True
) -> torch.Tensor:
    """Return a tensor in the type and on the device of ``input``."""
    return cast_to(weight, input.dtype, input.device, non_blocking, copy)


def cast_bias_weight(
    s: Any,
    input: torch.Tensor | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    bias_dtype: torch.dtype | None = None,
    offloadable: bool = False,
    **options: Any,
) -> Any:
    """Return weight and bias of a layer as one call needs them, patched by its functions.

    Args:
        s: The layer; ``weight_function`` and ``bias_function`` are lists of functions.
        input: Gives type and device where they are not named.
        dtype: Type of the weight.
        device: Where both go.
        bias_dtype: Type of the bias.
        offloadable: Whether a third value is wanted, for :func:`uncast_bias_weight`.
        options: For packs.
    """
    if input is not None:
        dtype = input.dtype if dtype is None else dtype
        device = input.device if device is None else device
    weight = cast_to(s.weight, dtype, device)
    for function in getattr(s, "weight_function", ()):
        weight = function(weight)
    bias = s.bias
    if bias is not None:
        bias = cast_to(bias, bias_dtype or dtype, device)
        for function in getattr(s, "bias_function", ()):
            bias = function(bias)
    return (weight, bias, None) if offloadable else (weight, bias)


def uncast_bias_weight(s: Any, weight: Any, bias: Any, offload_stream: Any) -> None:
    """Let go of what :func:`cast_bias_weight` gave; nothing is kept here."""


class CastWeightBiasOp:
    """What layers have that may convert their weights at each call.

    Attributes:
        comfy_cast_weights: Whether they do.
        weight_function: Applied, in order, to the converted weight.
        bias_function: The same for the bias.
    """

    comfy_cast_weights = False
    weight_function: Sequence[Callable[[torch.Tensor], torch.Tensor]] = ()
    bias_function: Sequence[Callable[[torch.Tensor], torch.Tensor]] = ()

    def _casts(self) -> bool:
        return bool(self.comfy_cast_weights or self.weight_function or self.bias_function)


def _linear(layer: Any, x: torch.Tensor, weight: Any, bias: Any) -> torch.Tensor:
    return F.linear(x, weight, bias)


def _conv(layer: Any, x: torch.Tensor, weight: Any, bias: Any) -> torch.Tensor:
    result: torch.Tensor = layer._conv_forward(x, weight, bias)
    return result


def _group_norm(layer: Any, x: torch.Tensor, weight: Any, bias: Any) -> torch.Tensor:
    return F.group_norm(x, layer.num_groups, weight, bias, layer.eps)


def _layer_norm(layer: Any, x: torch.Tensor, weight: Any, bias: Any) -> torch.Tensor:
    return F.layer_norm(x, layer.normalized_shape, weight, bias, layer.eps)


def _layer(base: Any, compute: Callable[..., torch.Tensor]) -> Any:
    """Return a kind of layer that starts empty and may convert its weights at each call."""

    class Layer(base, CastWeightBiasOp):  # type: ignore[misc]  # the base is chosen here
        def reset_parameters(self) -> None:
            return None

        def forward_comfy_cast_weights(self, input: torch.Tensor) -> torch.Tensor:
            if self.weight is None:
                return compute(self, input, None, None)
            weight, bias = cast_bias_weight(self, input)
            return compute(self, input, weight, bias)

        def forward(self, input: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if self._casts():
                result: torch.Tensor = self.forward_comfy_cast_weights(input)
            else:
                result = super().forward(input, *args, **kwargs)
            return result

    Layer.__name__ = base.__name__
    Layer.__qualname__ = f"disable_weight_init.{base.__name__}"
    Layer.__doc__ = f"``torch.nn.{base.__name__}`` that starts empty."
    return Layer


def _transposed(base: Any, convolve: Callable[..., torch.Tensor], axes: int) -> Any:
    """Return a kind of transposed convolution that may convert its weights at each call."""

    class Layer(base, CastWeightBiasOp):  # type: ignore[misc]  # the base is chosen here
        def reset_parameters(self) -> None:
            return None

        def forward_comfy_cast_weights(
            self, input: torch.Tensor, output_size: Any = None
        ) -> torch.Tensor:
            padding = self._output_padding(
                input, output_size, self.stride, self.padding, self.kernel_size, axes, self.dilation
            )
            weight, bias = cast_bias_weight(self, input)
            return convolve(
                input, weight, bias, self.stride, self.padding, padding, self.groups, self.dilation
            )

        def forward(self, input: torch.Tensor, output_size: Any = None) -> torch.Tensor:
            if self._casts():
                result: torch.Tensor = self.forward_comfy_cast_weights(input, output_size)
            else:
                result = super().forward(input, output_size)
            return result

    Layer.__name__ = base.__name__
    Layer.__qualname__ = f"disable_weight_init.{base.__name__}"
    Layer.__doc__ = f"``torch.nn.{base.__name__}`` that starts empty."
    return Layer


class _Embedding(nn.Embedding, CastWeightBiasOp):
    """``torch.nn.Embedding`` that starts empty, and gives rows in a type of the caller's."""

    bias = None

    def reset_parameters(self) -> None:
        """Do nothing: weights come from a file."""

    def forward_comfy_cast_weights(
        self, input: torch.Tensor, out_dtype: torch.dtype | None = None
    ) -> torch.Tensor:
        """Return rows in ``out_dtype``."""
        weight, _ = cast_bias_weight(self, device=input.device, dtype=out_dtype)
        return F.embedding(
            input, weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.sparse,
        )  # fmt: skip

    def forward(self, input: torch.Tensor, out_dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return ``(..., width)`` for ``(...)`` row numbers."""
        if self._casts():
            return self.forward_comfy_cast_weights(input, out_dtype)
        rows = super().forward(input)
        return rows if out_dtype is None else rows.to(out_dtype)


class disable_weight_init:
    """Layers that start empty."""

    Linear = _layer(nn.Linear, _linear)
    Conv1d = _layer(nn.Conv1d, _conv)
    Conv2d = _layer(nn.Conv2d, _conv)
    Conv3d = _layer(nn.Conv3d, _conv)
    GroupNorm = _layer(nn.GroupNorm, _group_norm)
    LayerNorm = _layer(nn.LayerNorm, _layer_norm)
    ConvTranspose1d = _transposed(nn.ConvTranspose1d, F.conv_transpose1d, 1)
    ConvTranspose2d = _transposed(nn.ConvTranspose2d, F.conv_transpose2d, 2)
    Embedding: Any = _Embedding

    @classmethod
    def conv_nd(cls, dims: int, *args: Any, **kwargs: Any) -> Any:
        """Return a convolution over two or three axes.

        Raises:
            ValueError: There is none over so many.
        """
        if dims == 2:
            return cls.Conv2d(*args, **kwargs)
        if dims == 3:
            return cls.Conv3d(*args, **kwargs)
        raise ValueError(f"unsupported dimensions: {dims}")


def _casting(base: Any) -> Any:
    body = {"comfy_cast_weights": True, "__doc__": f"{base.__doc__} Converts at each call."}
    return type(base.__name__, (base,), body)


class manual_cast(disable_weight_init):
    """Layers that start empty and convert their weights to each input."""

    Linear = _casting(disable_weight_init.Linear)
    Conv1d = _casting(disable_weight_init.Conv1d)
    Conv2d = _casting(disable_weight_init.Conv2d)
    Conv3d = _casting(disable_weight_init.Conv3d)
    GroupNorm = _casting(disable_weight_init.GroupNorm)
    LayerNorm = _casting(disable_weight_init.LayerNorm)
    ConvTranspose1d = _casting(disable_weight_init.ConvTranspose1d)
    ConvTranspose2d = _casting(disable_weight_init.ConvTranspose2d)
    Embedding: Any = _casting(_Embedding)


def pick_operations(
    weight_dtype: torch.dtype | None,
    compute_dtype: torch.dtype | None,
    load_device: torch.device | None = None,
    disable_fast_fp8: bool = False,
    **options: Any,
) -> type[disable_weight_init]:
    """Return the layers for weights of one type that are computed with in another."""
    if compute_dtype is None or weight_dtype == compute_dtype:
        return disable_weight_init
    return manual_cast
