"""From the prompts of nodes to entries that are ready to be evaluated.

Areas and masks are brought to the latent's size, ranges of the run to noise levels, prompts to
the network's inputs; entries with an area find partners in the other lists. The rules are D-063
and D-074 to D-077.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from app.engine.diffusion.model import CondEntry, Conditioning, CondLists, InnerModel

_SMALLEST_BOUNDS = 8
"""Latent cells that an area made from a mask is at least high and wide."""


def to_entries(conditioning: Conditioning | None) -> list[CondEntry] | None:
    """Return the entries of a node's conditioning; None stays None (D-079).

    Args:
        conditioning: ``[[tensor or None, {key: value}], ...]``; not changed.
    """
    if conditioning is None:
        return None
    entries = []
    for tensor, values in conditioning:
        entry = dict(values)
        entry["model_conds"] = dict(values.get("model_conds", {}))
        if tensor is not None:
            entry["cross_attn"] = tensor
        entry["uuid"] = uuid.uuid4()
        entries.append(entry)
    return entries


def resolve_areas(
    entries: Sequence[CondEntry], sizes: Sequence[int], device: torch.device
) -> list[CondEntry]:
    """Return entries with areas in latent cells and masks of the latent's size (D-074, D-075).

    Args:
        entries: Their ``area`` is ``(*sizes, *offsets)`` in cells, or the word "percentage"
            followed by shares of the latent.
        sizes: Height and width of the latent, or more axes.
        device: Where masks go.
    """
    resolved = []
    for entry in entries:
        entry = dict(entry)
        area = entry.get("area")
        if area is not None and area[0] == "percentage":
            entry["area"] = _area_from_shares(area[1:], sizes)
        if entry.get("mask") is not None:
            mask = _fit_mask(entry["mask"].to(device=device), sizes)
            entry["mask"] = mask
            if entry.get("set_area_to_bounds", False):
                entry["area"] = bounds_of_mask(mask)
        resolved.append(entry)
    return resolved


def _area_from_shares(shares: Sequence[float], sizes: Sequence[int]) -> tuple[int, ...]:
    axes = len(shares) // 2
    lengths = [max(1, round(shares[axis] * sizes[axis])) for axis in range(axes)]
    offsets = [round(shares[axes + axis] * sizes[axis]) for axis in range(axes)]
    return (*lengths, *offsets)


def _fit_mask(mask: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    if mask.ndim == len(sizes):
        mask = mask.unsqueeze(0)
    if tuple(mask.shape[1:]) == tuple(sizes):
        return mask
    if mask.ndim == 3 and len(sizes) == 3:
        # A picture's mask for a video: the same for each frame.
        mask = _fit_mask(mask, sizes[1:]).unsqueeze(1)
        return mask.expand(-1, sizes[0], -1, -1)
    mode = "trilinear" if len(sizes) == 3 else "bilinear"
    resized = functional.interpolate(
        mask.unsqueeze(1).float(), size=tuple(sizes), mode=mode, align_corners=False
    )
    return resized.squeeze(1)


def bounds_of_mask(mask: torch.Tensor) -> tuple[int, int, int, int]:
    """Return ``(height, width, y, x)`` around all that is not 0, at least 8 x 8 (D-075).

    Args:
        mask: ``(batch, height, width)``.
    """
    painted = mask.abs().amax(dim=0) > 0
    if not bool(painted.any()):
        return (_SMALLEST_BOUNDS, _SMALLEST_BOUNDS, 0, 0)
    rows, columns = painted.any(dim=1).nonzero(), painted.any(dim=0).nonzero()
    top, left = int(rows[0]), int(columns[0])
    height = int(rows[-1]) - top + 1
    width = int(columns[-1]) - left + 1
    return (max(_SMALLEST_BOUNDS, height), max(_SMALLEST_BOUNDS, width), top, left)


def resolve_ranges(
    entries: Sequence[CondEntry], percent_to_sigma: Callable[[float], float]
) -> list[CondEntry]:
    """Return entries with ``timestep_start`` and ``timestep_end`` as noise levels (D-076)."""
    resolved = []
    for entry in entries:
        entry = dict(entry)
        if "start_percent" in entry:
            entry["timestep_start"] = percent_to_sigma(entry["start_percent"])
        if "end_percent" in entry:
            entry["timestep_end"] = percent_to_sigma(entry["end_percent"])
        resolved.append(entry)
    return resolved


def encode_entries(
    model: InnerModel,
    entries: Sequence[CondEntry],
    noise: torch.Tensor,
    device: torch.device,
    role: str,
    run_values: dict[str, Any],
) -> list[CondEntry]:
    """Return entries with the network's inputs under ``model_conds`` (D-063).

    Args:
        model: The network.
        entries: The entries of one list.
        noise: The run's noise; its shape counts.
        device: Where the network computes.
        role: What the list is for; an entry's own ``prompt_type`` goes first.
        run_values: Latent, mask and seed of the run.
    """
    pixel = noise.shape[-1] * 8, (noise.shape[-2] if noise.ndim > 3 else 1) * 8
    encoded = []
    for entry in entries:
        values = {
            **entry,
            "device": device,
            "noise": noise,
            **run_values,
            "width": entry.get("width", pixel[0]),
            "height": entry.get("height", pixel[1]),
            "prompt_type": entry.get("prompt_type", role),
        }
        entry = dict(entry)
        entry["model_conds"] = {**entry.get("model_conds", {}), **model.extra_conds(**values)}
        encoded.append(entry)
    return encoded


def _covers(area: Sequence[int] | None, other: Sequence[int]) -> bool:
    if area is None:
        return True
    axes = len(other) // 2
    return all(
        area[axes + axis] <= other[axes + axis]
        and area[axes + axis] + area[axis] >= other[axes + axis] + other[axis]
        for axis in range(axes)
    )


def find_area_partner(entries: Sequence[CondEntry], wanted: CondEntry) -> CondEntry | None:
    """Return an entry that gives another list an answer on the area of ``wanted`` (D-077).

    It is a copy of ``wanted`` with the inputs of the smallest of ``entries`` that covers the
    area. None where nothing covers it, or an entry has exactly that area.
    """
    area = wanted["area"]
    smallest: CondEntry | None = None
    for entry in entries:
        own = entry.get("area")
        if own is not None and tuple(own) == tuple(area):
            return None
        if not _covers(own, area):
            continue
        if smallest is None or _cells(own) < _cells(smallest.get("area")):
            smallest = entry
    if smallest is None:
        return None
    return {**wanted, "model_conds": smallest["model_conds"]}


def _cells(area: Sequence[int] | None) -> float:
    if area is None:
        return float("inf")
    cells = 1
    for length in area[: len(area) // 2]:
        cells *= length
    return cells


def share_with_list(
    givers: Sequence[CondEntry], takers: Sequence[CondEntry], key: str
) -> list[CondEntry]:
    """Return ``takers`` with the ``key`` of ``givers`` where no taker has one of its own.

    Only entries without an area count. The values go round the takers in turn; a taker that
    gets a second one is doubled (D-063, D-203).
    """
    values = [g[key] for g in givers if g.get(key) is not None and g.get("area") is None]
    places = [i for i, taker in enumerate(takers) if taker.get("area") is None]
    shared = list(takers)
    if not places or any(takers[i].get(key) is not None for i in places):
        return shared
    for number, value in enumerate(values):
        place = places[number % len(places)]
        if number < len(places):
            shared[place] = {**takers[place], key: value}
        else:
            shared.append({**takers[place], key: value})
    return shared


def prepare_conds(
    model: InnerModel,
    noise: torch.Tensor,
    conds: dict[str, list[CondEntry] | None],
    device: torch.device,
    latent_image: torch.Tensor | None = None,
    denoise_mask: torch.Tensor | None = None,
    seed: int | None = None,
) -> CondLists:
    """Make the entries of a run ready to be evaluated (D-063).

    Args:
        model: The network.
        noise: ``(batch, channels, ...)`` in the run's shape.
        conds: Entries by role; None and empty lists give no prediction.
        device: Where the network computes.
        latent_image: The latent in the sampler's scale.
        denoise_mask: ``(batch, channels, ...)``, 1 where the latent may change.
        seed: The run's seed.

    Returns:
        New lists by role; roles whose list was None are left out.
    """
    sampling = model.model_sampling
    run_values: dict[str, Any] = {"latent_image": latent_image, "seed": seed}
    if denoise_mask is not None:
        run_values["denoise_mask"] = denoise_mask
    ready: CondLists = {}
    for role, entries in conds.items():
        if entries is None:
            continue
        placed = resolve_areas(entries, noise.shape[2:], device)
        placed = resolve_ranges(placed, sampling.percent_to_sigma)
        ready[role] = encode_entries(model, placed, noise, device, role, run_values)
    for role in ready:
        for entry in list(ready[role]):
            if entry.get("area") is None:
                continue
            for other in ready:
                if other == role:
                    continue
                partner = find_area_partner(ready[other], entry)
                if partner is not None:
                    ready[other].append(partner)
    for entries in ready.values():
        for entry in entries:
            if entry.get("control") is not None:
                entry["control"].pre_run(model, sampling.percent_to_sigma)
    positive = ready.get("positive", [])
    flagged = [entry for entry in positive if entry.get("control_apply_to_uncond", False)]
    for role in ready:
        if role != "positive":
            ready[role] = share_with_list(flagged, ready[role], "control")
            ready[role] = share_with_list(positive, ready[role], "gligen")
    return ready
