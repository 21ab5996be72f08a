"""The settings table and its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.engine.errors import SettingsError
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
