"""Reads the recorded cases in tests/data/diffusion and compares with them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.engine.models.predictions import ModelSampling, ModelType, make_model_sampling

DATA = Path(__file__).parents[2] / "data" / "diffusion"

KINDS: dict[str, tuple[ModelType, dict[str, Any]]] = {
    "sd15": (ModelType.EPS, {}),
    "sdxl": (ModelType.EPS, {}),
    "vpred": (ModelType.V_PREDICTION, {}),
    "vpred_zsnr": (ModelType.V_PREDICTION, {"zsnr": True}),
    "sd_x4": (ModelType.V_PREDICTION, {"linear_start": 0.0001, "linear_end": 0.02}),
    "playground_edm": (ModelType.EDM, {"sigma_data": 0.5, "sigma_max": 80.0, "sigma_min": 0.002}),
    "cosmos": (ModelType.EDM, {"sigma_data": 0.5, "sigma_max": 80.0, "sigma_min": 0.002}),
    "cosmos_rflow": (ModelType.FLOW_COSMOS, {"sigma_max": 80.0, "sigma_min": 0.002}),
    "svd_vpred_edm": (ModelType.V_PREDICTION_EDM, {"sigma_max": 700.0, "sigma_min": 0.002}),
    "stable_audio": (
        ModelType.V_PREDICTION_CONTINUOUS,
        {"sigma_max": 500.0, "sigma_min": 0.03},
    ),
    "cascade": (ModelType.STABLE_CASCADE, {"shift": 2.0}),
    "sd3_shift3": (ModelType.FLOW, {"shift": 3.0}),
    "flow_shift1": (ModelType.FLOW, {}),
    "auraflow": (ModelType.FLOW, {"shift": 1.73, "multiplier": 1.0}),
    "flux_shift1.15": (ModelType.FLUX, {"shift": 1.15}),
    "ltxv_shift2.37": (ModelType.FLUX, {"shift": 2.37}),
}
"""The models that the recorded cases name."""


@functools.cache
def sampling_of(kind: str) -> ModelSampling:
    """Return the sampling rules of a recorded model; shared, not to be changed."""
    model_type, settings = KINDS[kind]
    return make_model_sampling(model_type, settings)


@functools.cache
def cases(section: str) -> dict[str, Any]:
    """Return the cases of a section by id."""
    found: dict[str, Any] = json.loads((DATA / f"{section}.json").read_text("utf-8"))["cases"]
    return found


def keys(section: str, *prefixes: str) -> list[str]:
    """Return the ids of a section's cases that begin with one of the prefixes."""
    return sorted(key for key in cases(section) if key.startswith(prefixes or ("",)))


@functools.cache
def _arrays(section: str) -> dict[str, np.ndarray]:
    with np.load(DATA / f"{section}.npz") as file:
        return dict(file)


def assert_recorded(section: str, key: str, name: str, value: torch.Tensor) -> None:
    """Fail unless ``value`` is the recorded array ``name`` within the case's tolerance."""
    case, expected = cases(section)[key], _arrays(section)[f"{key}/{name}"]
    assert tuple(value.shape) == expected.shape
    np.testing.assert_allclose(
        value.detach().cpu().numpy(),
        expected,
        atol=case["atol"],
        rtol=case["rtol"],
        err_msg=f"{key}/{name}",
    )
