"""Choices about devices and memory reach the engine, and what models take is shown."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from app.engine.device import ComputeSettings, choose_compute, compute_settings
from app.engine.settings import Settings, setting
from app.ui.engine_worker import EngineWorker
from app.ui.run_port import DeviceInfo

GIB = 2**30


@pytest.fixture(autouse=True)
def _chosen_kept():
    kept = dataclasses.asdict(compute_settings)
    yield
    for name, value in kept.items():
        setattr(compute_settings, name, value)


def test_the_defaults_of_the_settings_are_those_of_the_engine():
    settings = Settings()

    choose_compute(
        settings.get("device.compute"),
        settings.get("device.fast_cpu"),
        settings.get("device.model_memory"),
    )

    assert compute_settings == ComputeSettings()


def test_only_what_changes_results_asks_for_loading_anew():
    assert choose_compute("cpu", False, 0)
    assert not choose_compute("cpu", False, 1.5)
    assert compute_settings == ComputeSettings(force_cpu=True, budget=3 * GIB // 2)
    assert choose_compute("cpu", True, 1.5)
    assert choose_compute("auto", True, 0)
    assert compute_settings == ComputeSettings(fast_cpu=True)


def test_choices_reach_the_engine_and_let_kept_models_go(qtbot, tmp_path):
    worker = EngineWorker(tmp_path, load_packs=False)
    worker.set_previews("none")
    worker.set_compute("auto", False, 2.0)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()
    try:
        previews = sys.modules["latent_preview"]
        assert previews.args.preview_method.value == "none"
        worker.set_previews("latent2rgb")
        assert previews.args.preview_method.value == "latent2rgb"

        freed = []
        worker.engine.free = lambda **what: freed.append(what)
        worker.set_compute("auto", False, 4.0)
        assert compute_settings.budget == 4 * GIB
        worker.set_compute("cpu", False, 4.0)
        qtbot.waitUntil(lambda: bool(freed), timeout=5000)
        assert freed == [{"unload_models": True, "free_memory": True}]
        assert worker.device_facts()["kind"] == "cpu"
    finally:
        assert worker.close()


@pytest.mark.parametrize(
    "name", ["running.previews", "device.compute", "device.fast_cpu", "device.model_memory"]
)
def test_every_choice_is_a_row_with_a_sentence(name):
    row = setting(name)

    assert row.sentence.endswith(".")
    assert not row.needs_restart


def test_the_status_bar_says_what_models_take(window, chain):
    status = window.frame.status
    plain = DeviceInfo("CPU", "cpu", memory_used=4 * GIB, memory_total=16 * GIB)
    window.run_port.device_changed.emit(plain)
    assert "Models" not in status.toolTip()
    before = status.grab().toImage()

    window.run_port.device_changed.emit(dataclasses.replace(plain, models=21 * 2**20))
    assert "Models take 21 MB." in status.toolTip()

    window.run_port.device_changed.emit(dataclasses.replace(plain, models=3 * GIB // 2))
    assert "Models take 1.5 GB." in status.toolTip()
    assert "layer by layer" not in status.toolTip()
    assert status.grab().toImage() != before

    window.run_port.device_changed.emit(dataclasses.replace(plain, models=GIB, streamed=1))
    assert "layer by layer" in status.toolTip()
