"""The settings table and its file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.engine.errors import SettingsError
from app.engine.files import FileSaveError, locked
from app.engine.settings import (
    FILE_VERSION,
    PAGES,
    SETTINGS,
    SettingKind,
    Settings,
    load_settings,
    read_settings,
    setting,
)


def test_names_are_unique():
    names = [row.name for row in SETTINGS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_row_has_a_page_a_title_and_a_sentence(row):
    assert row.page in {page.id for page in PAGES}
    assert row.title
    assert not row.title.endswith(".")
    assert row.sentence.endswith(".")


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_default_passes_its_own_check(row):
    checked = row.check(row.default)

    assert checked == (list(row.default) if isinstance(row.default, tuple) else row.default)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_every_page_has_an_icon(page):
    icons = Path(__file__).parents[2] / "resources" / "icons"

    assert (icons / f"{page.icon}.svg").is_file()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appearance.scale", 3),
        ("appearance.scale", True),
        ("appearance.scale", "1"),
        ("appearance.prompt_text", 12.5),
        ("appearance.theme", "pink"),
        ("appearance.theme", ["dark"]),
        ("canvas.snap", 1),
        ("language.language", 5),
        ("folders.models", "one"),
        ("folders.models", [1]),
    ],
)
def test_a_wrong_value_is_refused_with_its_range(name, value):
    settings = Settings()

    with pytest.raises(SettingsError, match="is not"):
        settings.set(name, value)

    assert not settings.is_changed(name)


def test_an_unknown_name_offers_the_nearest_one():
    with pytest.raises(SettingsError, match=r"appearance\.theme"):
        Settings().get("appearance.them")


def test_a_change_is_told_once_and_a_removed_listener_hears_nothing():
    settings = Settings()
    heard = []
    remove = settings.subscribe(lambda name, value: heard.append((name, value)))

    settings.set("appearance.theme", "light")
    settings.set("appearance.theme", "light")
    remove()
    settings.set("appearance.theme", "dark")

    assert heard == [("appearance.theme", "light")]


def test_reset_forgets_the_value():
    settings = Settings({"canvas.snap": True})

    settings.reset("canvas.snap")

    assert settings.get("canvas.snap") is False
    assert settings.changed() == ()


def test_setting_back_by_hand_counts_as_not_changed():
    settings = Settings()

    settings.set("folders.models", ["/models"])
    settings.set("folders.models", [])

    assert not settings.is_changed("folders.models")


def test_only_changed_values_reach_the_file_and_come_back(tmp_path):
    path = tmp_path / "settings.json"
    settings = Settings()
    settings.set("appearance.theme", "light")
    settings.set("appearance.scale", 1.25)

    settings.save(path)

    assert json.loads(path.read_text())["settings"] == {
        "appearance.theme": "light",
        "appearance.scale": 1.25,
    }
    assert load_settings(path).get("appearance.scale") == 1.25


def test_what_a_newer_version_wrote_is_kept():
    data = {
        "version": FILE_VERSION + 1,
        "settings": {"future.thing": 7, "canvas.snap": True},
        "future": [1],
    }

    settings = read_settings(json.dumps(data).encode())
    written = json.loads(settings.to_bytes())

    assert settings.get("canvas.snap") is True
    assert written["settings"]["future.thing"] == 7
    assert written["future"] == [1]


def test_one_bad_value_does_not_cost_the_rest():
    data = {"version": 1, "settings": {"appearance.scale": 99, "canvas.snap": True}}

    settings = read_settings(json.dumps(data).encode())

    assert settings.get("appearance.scale") == 1.0
    assert settings.get("canvas.snap") is True


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": "x"}', "[" * 100_000])
def test_a_broken_file_is_kept_beside_and_the_defaults_are_used(tmp_path, text):
    path = tmp_path / "settings.json"
    path.write_text(text)

    settings = load_settings(path)

    assert settings.changed() == ()
    assert (tmp_path / "settings.broken.json").read_text() == text
    assert not path.exists()


def test_a_missing_file_gives_the_defaults(tmp_path):
    assert load_settings(tmp_path / "settings.json").changed() == ()


def test_number_rows_have_a_range():
    rows = [row for row in SETTINGS if row.kind in (SettingKind.INTEGER, SettingKind.NUMBER)]

    assert rows
    assert all(row.minimum < row.maximum and row.step > 0 for row in rows)


def test_setting_returns_the_row():
    assert setting("appearance.theme").choices[0][0] == "dark"


def test_two_programs_change_different_settings_of_one_file(tmp_path):
    path = tmp_path / "user" / "settings.json"
    first, second = load_settings(path), load_settings(path)

    first.set("appearance.theme", "light")
    first.save(path)
    second.set("canvas.snap", True)
    second.save(path)
    first.set("appearance.scale", 1.5)
    first.save(path)

    both = load_settings(path)
    assert both.changed() == ("appearance.theme", "appearance.scale", "canvas.snap")


def test_only_what_was_changed_here_since_the_last_write_is_written(tmp_path):
    path = tmp_path / "settings.json"
    first = load_settings(path)
    first.set("appearance.theme", "light")
    first.save(path)
    second = load_settings(path)
    second.reset("appearance.theme")
    second.save(path)

    first.set("canvas.snap", True)
    first.save(path)

    assert load_settings(path).changed() == ("canvas.snap",)


def test_settings_and_keys_of_a_newer_version_survive_a_merge(tmp_path):
    path = tmp_path / "settings.json"
    data = {"version": FILE_VERSION + 1, "settings": {"future.thing": 7}, "future": [1]}
    settings = Settings()
    settings.set("canvas.snap", True)
    path.write_text(json.dumps(data))

    settings.save(path)

    data["settings"]["canvas.snap"] = True
    assert json.loads(path.read_text()) == data


def test_a_broken_file_is_replaced_by_all_that_is_set(tmp_path):
    path = tmp_path / "settings.json"
    settings = Settings({"appearance.theme": "light"})
    settings.set("canvas.snap", True)
    path.write_text("{")

    settings.save(path)

    assert load_settings(path).changed() == ("appearance.theme", "canvas.snap")


def test_changes_that_could_not_be_written_are_written_the_next_time(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_text("{}")
    settings = Settings()
    settings.set("canvas.snap", True)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileSaveError):
            settings.save(path)
    settings.save(path)

    assert load_settings(path).get("canvas.snap") is True


WRITER = """
import sys
from pathlib import Path
from app.engine.settings import load_settings
path, name, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = load_settings(path)
print("ready", flush=True)
sys.stdin.readline()
for step in range(40):
    settings.set(name, 2 + step)
    settings.save(path)
    assert load_settings(path).get(name) == 2 + step
"""


def test_two_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "user" / "settings.json"
    names = ("canvas.snap_size", "running.history")
    pair = zip(names, reversed(names), strict=True)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), *each],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for each in pair
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0

    both = load_settings(path)
    assert [both.get(name) for name in names] == [41, 41]
    assert [item.name for item in path.parent.iterdir() if item.suffix == ".part"] == []


def test_a_program_that_died_with_the_lock_does_not_hold_up_the_next(tmp_path):
    path = tmp_path / "settings.json"
    code = (
        "import os, sys\nfrom app.engine.files import locked\n"
        "with locked(sys.argv[1]):\n    os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60,
                   cwd=Path(__file__).parents[2])  # fmt: skip
    started = time.monotonic()
    with locked(path):
        assert time.monotonic() - started < 1.0


def test_a_lock_that_is_never_let_go_costs_seconds_but_no_setting(tmp_path):
    path = tmp_path / "settings.json"
    started = time.monotonic()
    with locked(path), locked(path, timeout_s=0.1):
        assert 0.1 <= time.monotonic() - started < 3.0
