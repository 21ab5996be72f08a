"""Layers that start empty and can be told to convert their weights at each call.

The networks are built on torch's ``meta`` device, so that a layer costs no memory until the
tensors of a file are put into it. A layer whose ``streams`` is set keeps its weights as the file
stores them and converts them for one call only: slower, but the memory of a whole network in
float32 is never needed (low-memory mode).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.linear import linear

WeightFunction = Callable[[torch.Tensor], torch.Tensor]


class Streaming(nn.Module):
    """A layer with ``weight`` and ``bias`` that may be converted per call.

    Attributes:
        streams: Whether weights are converted at each call.
        weight_functions: Applied, in order, to the converted weight of a streaming layer.
        bias_functions: The same for the bias.
    """

    streams: bool = False
    weight: torch.Tensor
    bias: torch.Tensor | None
    weight_functions: tuple[WeightFunction, ...] = ()
    bias_functions: tuple[WeightFunction, ...] = ()

    def reset_parameters(self) -> None:
        """Do nothing: weights always come from a file."""

    def converted(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return weight and bias in the type and on the device of ``like``."""
        weight = _convert(self.weight, like, self.weight_functions)
        if self.bias is None:
            return weight, None
        return weight, _convert(self.bias, like, self.bias_functions)


def _convert(
    tensor: torch.Tensor, like: torch.Tensor, functions: tuple[WeightFunction, ...]
) -> torch.Tensor:
    tensor = tensor.to(device=like.device, dtype=like.dtype)
    for function in functions:
        tensor = function(tensor)
    return tensor


class Linear(Streaming, nn.Linear):  # type: ignore[misc]  # both declare weight and bias
    """A fully connected layer."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return ``(..., out)`` for ``(..., in)``."""
        weight, bias = self.converted(input) if self.streams else (self.weight, self.bias)
        return linear(input, weight, bias)


class Conv2d(Streaming, nn.Conv2d):  # type: ignore[misc]  # both declare weight and bias
    """A convolution over pictures."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, out, height, width)`` for ``(batch, in, height, width)``."""
        weight, bias = self.converted(input) if self.streams else (self.weight, self.bias)
        return F.conv2d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class GroupNorm(Streaming, nn.GroupNorm):  # type: ignore[misc]  # both declare weight and bias
    """Normalises groups of channels."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        if not self.streams:
            return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
        weight, bias = self.converted(input)
        return F.group_norm(input, self.num_groups, weight, bias, self.eps)


class LayerNorm(Streaming, nn.LayerNorm):  # type: ignore[misc]  # both declare weight and bias
    """Normalises the last axis."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        shape = self.normalized_shape
        if not self.streams:
            return F.layer_norm(input, shape, self.weight, self.bias, self.eps)
        weight, bias = self.converted(input)
        return F.layer_norm(input, shape, weight, bias, self.eps)


class Embedding(Streaming, nn.Embedding):  # type: ignore[misc]  # both declare weight
    """A table of rows; only the rows asked for are ever converted.

    Its functions are applied to rows, so they must treat every value by itself.
    """

    bias = None

    def forward(self, input: torch.Tensor, out_dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return :meth:`rows`, as packs ask for them.

        Args:
            input: Row numbers ``(...)``.
            out_dtype: Type to return; None for the weight's, or float32 where it stays in the file.
        """
        return self.rows(input, out_dtype or (torch.float32 if self.streams else self.weight.dtype))

    def rows(self, ids: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return ``(..., width)`` in ``dtype`` for ``(...)`` row numbers."""
        found = F.embedding(ids.to(self.weight.device), self.weight)
        for function in self.weight_functions:
            found = function(found)
        return found.to(device=ids.device, dtype=dtype)


def empty(build: Callable[[], nn.Module]) -> Any:
    """Return what ``build`` makes, without memory for its weights."""
    with torch.device("meta"):
        return build().eval().requires_grad_(False)


def fill(module: nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> list[str]:
    """Put the tensors of a file into an empty network, without copying them.

    Args:
        module: A network made by :func:`empty`.
        tensors: By the names that the network's own parameters have.
        what: Words for the network, for the error message.

    Returns:
        Names in ``tensors`` that the network does not have.

    Raises:
        ModelFileError: A weight is missing or has another shape.
    """
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    missing = [name for name in own if name not in tensors]
    if missing:
        raise ModelFileError(
            f"The {what} is not complete: {len(missing)} of {len(own)} weights are missing, "
            f'such as "{missing[0]}".'
        )
    for name, empty_tensor in own.items():
        tensor = tensors[name]
        if tensor.shape != empty_tensor.shape:
            raise ModelFileError(
                f'The {what} does not fit: "{name}" is {tuple(tensor.shape)}, '
                f"expected {tuple(empty_tensor.shape)}."
            )
        set_tensor(module, name, tensor)
    return [name for name in tensors if name not in own]


def owner(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the layer that holds the tensor ``name``, and the tensor's name in it.

    Raises:
        AttributeError: There is no such layer.
    """
    path, _, last = name.rpartition(".")
    return (module.get_submodule(path) if path else module), last


def set_tensor(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Put a tensor in the place of a parameter or buffer, whatever its type and device."""
    layer, last = owner(module, name)
    if last in layer._buffers:
        layer._buffers[last] = tensor
    else:
        layer._parameters[last] = nn.Parameter(tensor, requires_grad=False)


def get_tensor(module: nn.Module, name: str) -> torch.Tensor:
    """Return a parameter or buffer by its full name.

    Raises:
        AttributeError: There is none.
    """
    layer, last = owner(module, name)
    tensor = getattr(layer, last)
    assert isinstance(tensor, torch.Tensor)
    return tensor
