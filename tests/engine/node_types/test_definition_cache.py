"""Definitions on disk: what is read back, and what damaged files do."""

import gzip
import json

from app.engine.node_types.definition_cache import (
    load_definitions,
    read_object_info,
    save_object_info,
)

INFO = {
    "Blend": {
        "input": {"required": {"amount": ["FLOAT", {"default": 0.5}]}},
        "output": ["IMAGE"],
        "display_name": "Blend pictures",
    }
}


def test_what_was_kept_is_read_back(tmp_path):
    path = tmp_path / "user" / "cache" / "object_info.json"

    save_object_info(path, INFO)

    assert read_object_info(path) == INFO
    assert load_definitions(path)["Blend"].display_name == "Blend pictures"


def test_a_later_file_replaces_an_entry_of_an_earlier_one(tmp_path):
    builtin = tmp_path / "builtin.json.gz"
    builtin.write_bytes(gzip.compress(json.dumps(INFO).encode()))
    newer = tmp_path / "newer.json"
    save_object_info(newer, {"Blend": {**INFO["Blend"], "display_name": "Newer"}})

    assert load_definitions(builtin, newer)["Blend"].display_name == "Newer"


def test_missing_and_damaged_files_are_left_out(tmp_path, caplog):
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(json.dumps(INFO).encode())[:30])
    good = tmp_path / "good.json"
    save_object_info(good, INFO)

    definitions = load_definitions(tmp_path / "missing.json", broken, cut, good)

    assert list(definitions) == ["Blend"]
    assert "broken.json" in caplog.text
    assert "cut.json.gz" in caplog.text


def test_a_folder_that_cannot_be_written_is_only_logged(tmp_path, caplog):
    blocker = tmp_path / "user"
    blocker.write_text("a file where a folder should be", "utf-8")

    save_object_info(blocker / "cache" / "object_info.json", INFO)

    assert "cannot be kept" in caplog.text
