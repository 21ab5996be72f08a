"""Without a window models compute as the artist chose in the window."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest

from app.cli import doctor
from app.cli.messages import Console
from app.cli.session import open_engine
from app.engine.device import ComputeSettings, compute_settings
from app.headless import run_command


@pytest.fixture(autouse=True)
def _chosen_kept():
    kept = dataclasses.asdict(compute_settings)
    yield
    for name, value in kept.items():
        setattr(compute_settings, name, value)


def test_the_settings_of_the_home_folder_hold_for_commands(tmp_path):
    (tmp_path / "user").mkdir()
    chosen = {"device.compute": "cpu", "device.fast_cpu": True, "device.model_memory": 0.5}
    (tmp_path / "user" / "easel.settings.json").write_text(json.dumps({"settings": chosen}))
    console = Console(io.StringIO(), io.StringIO())

    with open_engine(console, str(tmp_path)):
        assert compute_settings == ComputeSettings(True, True, 2**29)

    (tmp_path / "user" / "easel.settings.json").unlink()
    with open_engine(console, str(tmp_path)):
        assert compute_settings == ComputeSettings()


def test_doctor_names_what_upscale_models_lack(tmp_path, capsys, monkeypatch):
    found = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "einops" else found(name))

    run_command(["doctor", "--base-dir", str(tmp_path)])

    assert "Upscale models do not work without it. Run: python3 launch.py --setup" in (
        capsys.readouterr().out
    )
