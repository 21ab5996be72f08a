"""Evaluate the entries of several prompts in as few calls of the network as fit (D-070 to D-079).

Each entry gives a prediction on its area; the predictions of a list are averaged by weight.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from app.engine.diffusion.model import CondEntry, InnerModel
from app.engine.imaging.batches import repeat_to_batch_size
from app.engine.models.conds import Cond
from app.engine.models.hooks import HookGroup
from app.engine.models.memory import (
    get_free_memory,
    is_out_of_memory,
    loaded_models,
    make_room,
    not_enough_for,
)
from app.engine.models.wrappers import CALC_COND_BATCH, WrapperExecutor, all_wrappers

log = logging.getLogger("easel.models")

_FEATHER = 8
"""Latent cells over which an area fades out at borders inside the picture."""

_MEMORY_MARGIN = 1.5

_TOO_LARGE = "easel_too_large"
"""Where a run remembers how many values of latents were too many for one call."""


@dataclass(slots=True)
class CondItem:
    """One entry, cut out and ready for a call.

    Attributes:
        role: Number of the list that it belongs to.
        x: The latent on the entry's area.
        mult: Weight of the prediction there, in the shape of ``x``.
        conds: The network's inputs.
        area: ``(*sizes, *offsets)``, or None for the whole latent.
        control: A ControlNet, or None.
        patches: Patches of the entry, or None.
        uuid: Names the entry.
        hooks: Changes of the weights that the entry wants, or None.
    """

    role: int
    x: torch.Tensor
    mult: torch.Tensor
    conds: dict[str, Cond]
    area: tuple[int, ...] | None
    control: Any
    patches: dict[str, Any] | None
    uuid: Any
    hooks: HookGroup | None = None

    def fits(self, other: CondItem) -> bool:
        """Tell whether both can be evaluated in one call (D-070)."""
        return (
            self.x.shape == other.x.shape
            and self.control is other.control
            and self.patches is other.patches
            and self.hooks == other.hooks
            and self.conds.keys() == other.conds.keys()
            and all(cond.can_concat(other.conds[name]) for name, cond in self.conds.items())
        )

    def can_be_cut(self) -> bool:
        """Tell whether its pictures can be evaluated apart from each other.

        Nets and patches that know the whole batch by its size would not fit a part of it.
        """
        size = self.x.shape[0]
        return (
            self.control is None
            and not self.patches
            and all(
                isinstance(cond, Cond) and cond.can_be_cut(size) for cond in self.conds.values()
            )
        )

    def cut(self, first: int, last: int) -> CondItem:
        """Return the item of some pictures of its batch."""
        conds = {name: cond.cut(first, last) for name, cond in self.conds.items()}
        part = slice(first, last)
        return replace(self, x=self.x[part], mult=self.mult[part], conds=conds)


def _in_range(entry: CondEntry, sigma: float) -> bool:
    start, end = entry.get("timestep_start"), entry.get("timestep_end")
    return not ((start is not None and sigma > start) or (end is not None and sigma < end))


def _narrow(tensor: torch.Tensor, area: Sequence[int], first_axis: int) -> torch.Tensor:
    axes = len(area) // 2
    for axis in range(axes):
        tensor = tensor.narrow(first_axis + axis, area[axes + axis], area[axis])
    return tensor


def make_item(entry: CondEntry, role: int, x_in: torch.Tensor, sigma: float) -> CondItem | None:
    """Return the item of an entry, or None where it does not run at ``sigma``."""
    if not _in_range(entry, sigma):
        return None
    area: tuple[int, ...] | None = None
    x = x_in
    if entry.get("area") is not None:
        given = entry["area"]
        axes = len(given) // 2
        offsets = given[axes:]
        lengths = [min(x_in.shape[a + 2] - offsets[a], given[a]) for a in range(axes)]
        area = (*lengths, *offsets)
        x = _narrow(x_in, area, 2)
    strength = entry.get("strength", 1.0)
    if entry.get("mask") is not None:
        mask = entry["mask"][: x.shape[0]] * entry.get("mask_strength", 1.0)
        if area is not None:
            mask = _narrow(mask, area, 1)
        mult = repeat_to_batch_size(mask.unsqueeze(1), x.shape[0]).expand_as(x) * strength
    else:
        mult = torch.full_like(x, strength)
        if area is not None:
            mult = mult * _feather(area, x_in.shape[2:]).to(mult)
    patches = _gligen_patches(entry, x) if entry.get("gligen") is not None else None
    conds = {
        name: cond.process_cond(batch_size=x.shape[0], area=area)
        for name, cond in entry["model_conds"].items()
    }
    return CondItem(
        role, x, mult, conds, area, entry.get("control"), patches, entry.get("uuid"),
        entry.get("hooks"),
    )  # fmt: skip


def _feather(area: Sequence[int], sizes: Sequence[int]) -> torch.Tensor:
    """Return weights that rise from the borders of an area inside the latent (D-073)."""
    axes = len(area) // 2
    weight = torch.ones(tuple(area[:axes]))
    for axis in range(axes):
        length, offset = area[axis], area[axes + axis]
        radius = min(_FEATHER, length // 4)
        if radius < 1:
            continue
        rise = torch.arange(1, radius + 1) / radius
        line = torch.ones(length)
        if offset != 0:
            line[:radius] *= rise
        if offset + length < sizes[axis]:
            line[length - radius :] *= rise.flip(0)
        weight = weight * line.reshape([-1 if a == axis else 1 for a in range(axes)])
    return weight


def _gligen_patches(entry: CondEntry, x: torch.Tensor) -> dict[str, Any]:
    kind, model, *boxes = entry["gligen"]
    if kind == "position":
        patch = model.model.set_position(x.shape, boxes[0], x.device)
    else:
        patch = model.model.set_empty(x.shape, x.device)
    return {"middle_patch": [patch]}


def _default_items(
    defaults: Sequence[tuple[CondEntry, int]],
    items: Sequence[CondItem],
    x_in: torch.Tensor,
    sigma: float,
) -> list[CondItem]:
    """Return the entries that fill what the others of their list leave (D-078)."""
    filled = []
    for entry, role in defaults:
        item = make_item(entry, role, x_in, sigma)
        if item is None:
            continue
        covered = torch.zeros_like(x_in)
        for other in items:
            if other.role == role:
                part = covered if other.area is None else _narrow(covered, other.area, 2)
                part += other.mult
        left = (1.0 - covered).clamp(min=0)
        item.mult = left if item.area is None else _narrow(left, item.area, 2)
        if bool(item.mult.any()):
            filled.append(item)
    return filled


def _take_batch(items: list[CondItem], model: InnerModel, device: torch.device) -> list[CondItem]:
    """Remove from ``items`` those of the next call, last ones first (D-071)."""
    first = items[0]
    fitting = [place for place, item in enumerate(items) if item.fits(first)][::-1]
    chosen = fitting[:1]
    free = get_free_memory(device)
    for divisor in range(1, len(fitting) + 1):
        candidate = fitting[: len(fitting) // divisor]
        shape = [len(candidate) * first.x.shape[0], *first.x.shape[1:]]
        cond_shapes: dict[str, list[list[int]]] = {}
        for place in candidate:
            for name, cond in items[place].conds.items():
                cond_shapes.setdefault(name, []).append(cond.size())
        if model.memory_required(shape, cond_shapes) * _MEMORY_MARGIN < free:
            chosen = candidate
            break
    return [items.pop(place) for place in chosen]


def _merge_patches(base: dict[str, Any], added: dict[str, Any] | None) -> dict[str, Any]:
    if not added:
        return base
    merged = dict(base)
    for name, patches in added.items():
        merged[name] = [*merged.get(name, ()), *patches]
    return merged


def _call(
    model: InnerModel, batch: Sequence[CondItem], sigma: torch.Tensor, model_options: dict[str, Any]
) -> Sequence[torch.Tensor]:
    """Evaluate items in one call and return their predictions."""
    first = batch[0]
    patcher = getattr(model, "current_patcher", None)
    if patcher is not None:
        patcher.apply_hooks(first.hooks, float(sigma[0]))
    x = torch.cat([item.x for item in batch])
    sigmas = torch.cat([sigma] * len(batch))
    conds: dict[str, Any] = {
        name: cond.concat([item.conds[name] for item in batch[1:]])
        for name, cond in first.conds.items()
    }
    roles = [item.role for item in batch]
    options = dict(model_options.get("transformer_options", {}))
    if first.patches:
        options["patches"] = _merge_patches(options.get("patches", {}), first.patches)
    options["cond_or_uncond"] = roles
    options["uuids"] = [item.uuid for item in batch]
    options["sigmas"] = sigma
    conds["transformer_options"] = options
    if first.control is not None:
        conds["control"] = first.control.get_control(x, sigmas, conds, len(batch), options)
    wrapper = model_options.get("model_function_wrapper")
    if wrapper is not None:
        call = {"input": x, "timestep": sigmas, "c": conds, "cond_or_uncond": roles}
        output: torch.Tensor = wrapper(model.apply_model, call)
    else:
        output = model.apply_model(x, sigmas, **conds)
    return output.chunk(len(batch))


def _call_thriftily(
    model: InnerModel, batch: Sequence[CondItem], sigma: torch.Tensor, model_options: dict[str, Any]
) -> Sequence[torch.Tensor]:
    """Evaluate items in one call, in smaller ones when memory runs out.

    First the items go one after the other, then the pictures of the batch; at last the
    network's own weights are streamed.

    Raises:
        MemoryError: One picture alone needs too much.
    """
    patcher = getattr(model, "current_patcher", None)
    options = model_options.setdefault("transformer_options", {})
    values = sum(item.x.numel() for item in batch)
    can_be_smaller = len(batch) > 1 or (batch[0].x.shape[0] > 1 and batch[0].can_be_cut())
    # What failed in an earlier step of this run is not tried again.
    if not can_be_smaller or values < options.get(_TOO_LARGE, math.inf):
        try:
            return _call(model, batch, sigma, model_options)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            log.warning("Memory ran out while sampling; going on in smaller parts.")
        # Outside the handler, whose traceback keeps the tensors of the failed call alive.
        make_room([*loaded_models(only_currently_used=True), *_in_use(patcher, batch)])
        options[_TOO_LARGE] = values
    if len(batch) > 1:
        middle = len(batch) // 2
        return [
            output
            for half in (batch[:middle], batch[middle:])
            for output in _call_thriftily(model, half, sigma, model_options)
        ]
    if can_be_smaller:
        return [_call_in_halves(model, batch[0], sigma, model_options)]
    if patcher is not None:
        patcher.partially_unload(patcher.load_device, patcher.loaded_size())
    try:
        return _call(model, batch, sigma, model_options)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise not_enough_for("sampling a picture of this size") from error


def _in_use(patcher: Any, batch: Sequence[CondItem]) -> list[Any]:
    controls = [item.control for item in batch if item.control is not None]
    return [patcher, *(model for control in controls for model in control.get_models())]


def _call_in_halves(
    model: InnerModel, item: CondItem, sigma: torch.Tensor, model_options: dict[str, Any]
) -> torch.Tensor:
    """Evaluate the pictures of one item in two calls."""
    size = item.x.shape[0]
    middle = size // 2
    outputs = [
        _call_thriftily(model, [item.cut(first, last)], sigma[first:last], model_options)[0]
        for first, last in ((0, middle), (middle, size))
    ]
    return torch.cat(outputs)


def calc_cond_batch(
    model: InnerModel,
    conds: Sequence[list[CondEntry] | None],
    x_in: torch.Tensor,
    sigma: torch.Tensor,
    model_options: dict[str, Any],
) -> list[torch.Tensor]:
    """Return the prediction of each list of entries.

    Args:
        model: The network.
        conds: Lists of ready entries; None gives zeros (D-079).
        x_in: The noisy latent ``(batch, channels, ...)``.
        sigma: Noise level of each item ``(batch,)``.
        model_options: ``transformer_options`` and ``model_function_wrapper`` count.

    Returns:
        One tensor in the shape of ``x_in`` a list. Where no entry lies it is 0.
    """
    wrappers = all_wrappers(CALC_COND_BATCH, model_options.get("transformer_options"))
    executor = WrapperExecutor.new_executor(_calc_cond_batch, wrappers)
    predictions: list[torch.Tensor] = executor.execute(model, conds, x_in, sigma, model_options)
    return predictions


def _calc_cond_batch(
    model: InnerModel,
    conds: Sequence[list[CondEntry] | None],
    x_in: torch.Tensor,
    sigma: torch.Tensor,
    model_options: dict[str, Any],
) -> list[torch.Tensor]:
    level = float(sigma[0])
    items: list[CondItem] = []
    defaults: list[tuple[CondEntry, int]] = []
    for role, entries in enumerate(conds):
        for entry in entries or ():
            if entry.get("default", False):
                defaults.append((entry, role))
                continue
            item = make_item(entry, role, x_in, level)
            if item is not None:
                items.append(item)
    items += _default_items(defaults, items, x_in, level)

    totals = [torch.zeros_like(x_in) for _ in conds]
    # Not 0, so that places without any entry come to 0 and not to NaN.
    weights = [torch.full_like(x_in, 1e-37) for _ in conds]
    while items:
        batch = _take_batch(items, model, x_in.device)
        outputs = _call_thriftily(model, batch, sigma, model_options)
        for item, output in zip(batch, outputs, strict=True):
            total, weight = totals[item.role], weights[item.role]
            if item.area is not None:
                total, weight = _narrow(total, item.area, 2), _narrow(weight, item.area, 2)
            total += output * item.mult
            weight += item.mult
    return [total.div_(weight) for total, weight in zip(totals, weights, strict=True)]
