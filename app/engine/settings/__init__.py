"""What the artist can set: one table of rows, and the file that keeps the changed ones."""

from app.engine.settings.store import (
    FILE_VERSION,
    Settings,
    load_settings,
    merge_changes,
    read_settings,
    settings_path,
)
from app.engine.settings.table import PAGES, SETTINGS, Setting, SettingKind, SettingPage, setting

__all__ = [
    "FILE_VERSION",
    "PAGES",
    "SETTINGS",
    "Setting",
    "SettingKind",
    "SettingPage",
    "Settings",
    "load_settings",
    "merge_changes",
    "read_settings",
    "setting",
    "settings_path",
]
