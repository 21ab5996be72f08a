"""How much of what packs import from their host is real here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

import measure_host_surface as surface

REAL = {
    "1 host modules": (0.97, 0.99),
    "2 model internals": (0.93, 0.98),
    "core extras": (0.70, 0.80),
    "3 deep internals": (0.55, 0.75),
}
"""By tier: least share of names that are real, and of uses."""


@pytest.fixture(scope="module")
def results():
    return surface.measure()


@pytest.mark.parametrize("tier", REAL)
def test_names_of_a_tier_are_real(results, tier):
    _, real, names, real_uses, uses = next(r for r in surface.table(results) if r[0] == tier)
    names_wanted, uses_wanted = REAL[tier]

    assert real / names >= names_wanted
    assert real_uses / uses >= uses_wanted


def test_names_that_three_packs_or_more_use_are_all_real(results):
    lacking = {
        name
        for name, (packs, _, state) in results.items()
        if packs >= 3 and state != "real" and "chainner_models" not in name
    }

    # The text encoders of SDXL as classes; packs ask whether a model's encoder is one.
    assert lacking <= {
        "comfy.sdxl_clip.SDXLClipModel",
        "comfy.sdxl_clip.SDXLRefinerClipModel",
        "comfy.sdxl_clip.SDXLClipG",
    }


def test_names_that_stop_a_pack_from_loading_can_all_be_imported(results):
    # Gone from the reference as well, or younger than it; packs try and go on without them.
    gone = ("comfy_extras.chainner_models", "comfy.ldm.minimax", "comfy.ldm.anima")
    missing = {
        name
        for name, (_, counts, state) in results.items()
        if state == "missing" and counts[2] and not name.startswith(gone)
    }

    assert missing <= {"comfy.multigpu", "nodes.ImageScale.upscale_methods"}
