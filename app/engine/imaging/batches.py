"""Make batches equally long."""

from __future__ import annotations

import torch


def repeat_to_batch_size(tensor: torch.Tensor, batch_size: int, dim: int = 0) -> torch.Tensor:
    """Cut or repeat ``tensor`` until it has ``batch_size`` items along ``dim`` (rule D-177).

    Items repeat in turn: three items made five are 0, 1, 2, 0, 1.

    Raises:
        ValueError: The tensor has no items to repeat.
    """
    size = tensor.shape[dim]
    if size >= batch_size:
        return tensor.narrow(dim, 0, batch_size)
    if size == 0:
        raise ValueError("An empty batch cannot be repeated.")
    repeats = [1] * tensor.ndim
    repeats[dim] = -(-batch_size // size)
    return tensor.repeat(repeats).narrow(dim, 0, batch_size)


def resize_to_batch_size(tensor: torch.Tensor, batch_size: int) -> torch.Tensor:
    """Spread the items of ``tensor`` evenly over ``batch_size`` places (rule D-177).

    A longer batch is thinned out, keeping the first and the last item; a shorter one repeats
    each item next to itself.
    """
    size = tensor.shape[0]
    if size == batch_size:
        return tensor
    if batch_size <= 1:
        return tensor[:batch_size]
    if batch_size < size:
        step = (size - 1) / (batch_size - 1)
        picks = [min(round(index * step), size - 1) for index in range(batch_size)]
    else:
        step = size / batch_size
        picks = [min(int((index + 0.5) * step), size - 1) for index in range(batch_size)]
    return tensor[picks]
