"""Fully connected layers on a CPU, through the quicker of torch's two matrix libraries.

torch multiplies float32 matrices with MKL, which uses half of an AMD processor's vector unit. Its
other library, oneDNN, which it takes for convolutions, multiplies the same matrices 2.2 times as
fast there (77 to 2048 rows by 320 to 5120 columns, one thread and two) and no slower elsewhere.
The results differ in the last bits, as between any two libraries; the choice depends on the
kind of processor alone, so that a seed keeps its picture.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch.autograd.forward_ad import unpack_dual
from torch.jit import is_tracing  # type: ignore[attr-defined]

FEWEST_ROWS = 8
"""Below it a product costs what reading the weights costs, and MKL reads them as fast."""


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return ``x @ weight.T + bias``.

    Args:
        x: Any shape ``(..., in)``.
        weight: ``(out, in)``.
        bias: ``(out)`` or None.
    """
    if _fits(x, weight, bias):
        multiply = _onednn()
        if multiply is not None:
            result: torch.Tensor = multiply(x, weight, bias, "none", [], "")
            return result
    return F.linear(x, weight, bias)


def _fits(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> bool:
    if torch.compiler.is_compiling() or is_tracing():  # type: ignore[no-untyped-call]
        return False  # compilers choose for themselves, and recorders do not know it
    if not (x.dtype == weight.dtype == torch.float32) or x.ndim < 2:
        return False
    if not (x.is_cpu and weight.is_cpu) or x.numel() < FEWEST_ROWS * x.shape[-1]:
        return False
    # Shapes that do not match get torch's usual message.
    if weight.shape[1:] != x.shape[-1:] or not x.shape[-1] or not _is_plain_bias(bias, weight):
        return False
    if torch.is_grad_enabled() and (
        x.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)
    ):
        return False  # it knows no gradients
    if _has_tangent(x) or _has_tangent(weight):
        return False  # nor forward ones: it would drop them
    return not torch.is_autocast_enabled("cpu") and weight.is_contiguous()


def _has_tangent(tensor: torch.Tensor) -> bool:
    dual = unpack_dual(tensor)  # type: ignore[no-untyped-call]
    return dual.tangent is not None


def _is_plain_bias(bias: torch.Tensor | None, weight: torch.Tensor) -> bool:
    """Tell whether a bias lies as the library reads it: it takes no notice of strides."""
    if bias is None:
        return True
    fits = bias.shape == weight.shape[:1] and bias.dtype == torch.float32
    return fits and bias.is_cpu and bias.is_contiguous()


@functools.cache
def _onednn() -> Callable[..., Any] | None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)
