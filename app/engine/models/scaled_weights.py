"""Weights in eight bits with a factor for each layer, as large models are handed around.

Two spellings exist: ``layer.scale_weight`` with one mark ``scaled_fp8`` for the whole file, and
``layer.weight_scale`` with a description ``layer.comfy_quant`` for each layer. Factors for
activations only matter to graphics cards that multiply eight-bit numbers; they are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

import torch

from app.engine.errors import ModelFileError
from app.engine.models.weights import StateDict

_SCALES: Final = (".scale_weight", ".weight_scale")
_UNUSED: Final = (".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")
_BITS_AND_BYTES: Final = ".quant_state.bitsandbytes__"
_KNOWN_FORMATS: Final = ("float8_e4m3fn", "float8_e5m2")


class ScaledTensors(NamedTuple):
    """The tensors of a network, and the factors of those that have one.

    Attributes:
        tensors: By name, as stored.
        scales: Factor by the name of the weight it belongs to.
    """

    tensors: StateDict
    scales: StateDict


def take_scales(tensors: Mapping[str, torch.Tensor]) -> ScaledTensors:
    """Separate weights from the factors beside them.

    Args:
        tensors: Of one network; most have no factors.

    Raises:
        ModelFileError: Weights are packed in a way that is not known here.
    """
    plain: StateDict = {}
    scales: StateDict = {}
    for name, tensor in tensors.items():
        if name.endswith(".comfy_quant"):
            _check_format(name, tensor)
        if _BITS_AND_BYTES in name:
            raise _unknown("bitsandbytes " + name.rpartition("__")[2])
        if name.endswith(_UNUSED):
            continue
        ending = next((end for end in _SCALES if name.endswith(end)), None)
        if ending is None:
            plain[name] = tensor
        else:
            scales[name.removesuffix(ending) + ".weight"] = tensor
    for name, scale in scales.items():
        weight = plain.get(name)
        if weight is None:
            continue
        if not weight.is_floating_point() or scale.numel() not in (1, weight.shape[0]):
            raise _unknown(f"{weight.dtype}".removeprefix("torch.") + " in blocks")
    return ScaledTensors(plain, {name: one for name, one in scales.items() if name in plain})


def scaled(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return a weight times its factor, in float32.

    Args:
        weight: As stored.
        scale: One number, or one for each row.
    """
    factor = scale.to(weight.device, torch.float32)
    if factor.numel() > 1:
        factor = factor.reshape(-1, *[1] * (weight.ndim - 1))
    return weight.float() * factor.reshape(()) if factor.numel() == 1 else weight.float() * factor


def _check_format(name: str, tensor: torch.Tensor) -> None:
    try:
        kind = json.loads(bytes(tensor.to(torch.uint8).tolist()).decode("utf-8"))["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f'The description of "{name}" in the file is damaged.') from error
    if kind not in _KNOWN_FORMATS:
        raise _unknown(str(kind))


def _unknown(kind: str) -> ModelFileError:
    return ModelFileError(
        f"The weights are packed as {kind}, which is not known here. Use a version of the model in "
        "fp8, fp16 or bf16."
    )
