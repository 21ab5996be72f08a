"""Packs are told the device that the artist chose."""

from __future__ import annotations

import torch

from app.engine.device import compute_settings


def test_the_processor_alone_is_what_packs_see_beside_a_graphics_card(engine, monkeypatch):
    import comfy.model_management as management

    monkeypatch.setattr(management, "cpu_state", management.CPUState.MPS)
    assert management.get_torch_device().type == "mps"

    monkeypatch.setattr(compute_settings, "force_cpu", True)

    assert management.get_torch_device() == torch.device("cpu")
    assert not management.should_use_fp16()
