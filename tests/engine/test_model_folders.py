"""The folder table: kinds, listings that stay fresh, names that stay inside (node-packs 4)."""

from __future__ import annotations

import os
import time

import pytest

from app.engine.errors import UnsafePathError
from app.engine.listings import filter_files_content_types, filter_files_extensions
from app.engine.model_folders import ModelFolders, remove_old_temp_files


@pytest.fixture
def folders(tmp_path):
    made = ModelFolders(tmp_path)
    made.create_missing()
    return made


def put(*parts):
    path = os.path.join(*map(str, parts))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("x")
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models",
        "clip_vision", "style_models", "embeddings", "diffusers", "vae_approx", "controlnet",
        "gligen", "upscale_models", "latent_upscale_models", "custom_nodes", "hypernetworks",
        "photomaker", "classifiers", "model_patches", "audio_encoders",
    ],
)  # fmt: skip
def test_a_kind_that_packs_know_exists(folders, kind):
    assert folders.get_folder_paths(kind)


@pytest.mark.parametrize(("old", "new"), [("unet", "diffusion_models"), ("clip", "text_encoders")])
def test_an_old_name_of_a_kind_means_the_new_one(folders, tmp_path, old, new):
    put(tmp_path, "models", new, "a.safetensors")

    assert folders.get_folder_paths(old) == folders.get_folder_paths(new)
    assert folders.get_filename_list(old) == ["a.safetensors"]
    assert folders.get_full_path(old, "a.safetensors") is not None


def test_files_are_listed_relative_sorted_once_and_by_ending(folders, tmp_path):
    for name in ("b.safetensors", "sub/A.PT", "a.txt", ".git/c.pt"):
        put(tmp_path, "models", "loras", name)
    put(tmp_path, "more", "b.safetensors")
    folders.add_model_folder_path("loras", str(tmp_path / "more"))

    assert folders.get_filename_list("loras") == ["b.safetensors", os.path.join("sub", "A.PT")]


def test_an_unknown_kind_raises_key_error(folders):
    with pytest.raises(KeyError):
        folders.get_filename_list("nothing")
    assert folders.get_full_path("nothing", "a") is None


def test_a_new_file_shows_up_in_a_kept_listing(folders, tmp_path):
    folders.get_filename_list("loras")
    path = put(tmp_path, "models", "loras", "new.pt")
    later = time.time() + 5
    os.utime(os.path.dirname(path), (later, later))

    assert folders.get_filename_list("loras") == ["new.pt"]


def test_a_folder_that_appears_shows_up_in_a_kept_listing(folders, tmp_path):
    folders.add_model_folder_path("loras", str(tmp_path / "late"))
    folders.get_filename_list("loras")
    put(tmp_path, "late", "a.pt")

    assert folders.get_filename_list("loras") == ["a.pt"]


def test_a_kept_listing_is_a_copy(folders):
    folders.get_filename_list("loras").append("mine")

    assert folders.get_filename_list("loras") == []


def test_a_link_that_leads_in_a_circle_is_followed_once(folders, tmp_path):
    put(tmp_path, "models", "loras", "a.pt")
    os.symlink(tmp_path / "models" / "loras", tmp_path / "models" / "loras" / "again")

    assert folders.get_filename_list("loras") == ["a.pt"]


def test_entries_that_packs_write_into_the_table_are_used(folders, tmp_path):
    put(tmp_path, "texts", "a.txt")
    put(tmp_path, "texts", "b.bin")

    folders.folder_names_and_paths["texts"] = ([str(tmp_path / "texts")], [".TXT"])

    assert folders.get_filename_list("texts") == ["a.txt"]


def test_a_new_kind_takes_every_file(folders, tmp_path):
    put(tmp_path, "things", "a.anything")

    folders.add_model_folder_path("things", str(tmp_path / "things"))

    assert folders.folder_names_and_paths["things"][1] == set()
    assert folders.get_filename_list("things") == ["a.anything"]


def test_a_default_folder_comes_first_and_no_folder_twice(folders, tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    for path in (one, two, one):
        folders.add_model_folder_path("things", path)

    folders.add_model_folder_path("things", two, is_default=True)

    assert folders.get_folder_paths("things") == [two, one]


def test_a_model_name_cannot_leave_its_folder(folders, tmp_path):
    put(tmp_path, "secret.pt")

    assert folders.get_full_path("loras", "../../secret.pt") is None
    with pytest.raises(FileNotFoundError, match=r"loras.*secret"):
        folders.get_full_path_or_raise("loras", "../../secret.pt")


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a.png [temp]", "temp"), ("a.png [output]", "output"), ("a.png [input]", "input"),
     ("a.png", "input")],
)  # fmt: skip
def test_a_mark_at_the_end_of_a_name_chooses_the_folder(folders, tmp_path, name, folder):
    assert folders.get_annotated_filepath(name) == str(tmp_path / folder / "a.png")


def test_a_name_without_mark_takes_the_given_folder(folders, tmp_path):
    assert folders.get_annotated_filepath("a", str(tmp_path / "x")) == str(tmp_path / "x" / "a")


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "sub/../../a.png [temp]"])
def test_an_input_name_cannot_leave_the_data_folders(folders, name):
    with pytest.raises(UnsafePathError):
        folders.get_annotated_filepath(name)
    assert not folders.exists_annotated_filepath(name)


def test_directories_by_type(folders, tmp_path):
    assert folders.get_directory_by_type("temp") == str(tmp_path / "temp")
    assert folders.get_directory_by_type("nothing") is None


def test_the_next_number_is_one_above_the_highest(folders, tmp_path):
    output = str(tmp_path / "output")
    for name in ("a_00003_.png", "a_00012_x.png", "ab_00099_.png", "a_x_.png"):
        put(output, "sub", name)

    found = folders.get_save_image_path("sub/a", output)

    assert found == (os.path.join(output, "sub"), "a", 13, "sub", "sub/a")


def test_words_in_a_prefix_are_replaced(folders, tmp_path):
    *_, prefix = folders.get_save_image_path(
        "p_%width%x%height%_%year%_%other%", str(tmp_path / "output"), 64, 48
    )

    assert prefix == f"p_64x48_{time.localtime().tm_year}_%other%"


@pytest.mark.parametrize("prefix", ["../a", "sub/../../a", "/elsewhere/a"])
def test_a_picture_cannot_be_saved_outside_the_output_folder(folders, tmp_path, prefix):
    with pytest.raises(UnsafePathError):
        folders.get_save_image_path(prefix, str(tmp_path / "output"))
    assert not (tmp_path / "elsewhere").exists()


def test_extra_paths_are_read_with_base_defaults_and_lines(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("MODEL_HOME", str(tmp_path / "big"))
    (tmp_path / "extra.yaml").write_text(
        "one:\n"
        "  base_path: $MODEL_HOME\n"
        "  is_default: true\n"
        "  loras: |\n"
        "    loras\n"
        "\n"
        "    more/loras\n"
        "two:\n"
        "  things: here\n"
        "empty:\n"
    )

    folders.load_extra_paths(tmp_path / "extra.yaml")

    big = tmp_path / "big"
    assert folders.get_folder_paths("loras") == [
        str(big / "more" / "loras"), str(big / "loras"), str(tmp_path / "models" / "loras")
    ]  # fmt: skip
    assert folders.get_folder_paths("things") == [str(tmp_path / "here")]


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just words"])
def test_a_broken_extra_paths_file_is_an_error(folders, tmp_path, text):
    (tmp_path / "extra.yaml").write_text(text)

    with pytest.raises(ValueError, match=r"extra\.yaml"):
        folders.load_extra_paths(tmp_path / "extra.yaml")


def test_files_are_filtered_by_kind_of_content():
    files = ["a.png", "b.mp4", "c.wav", "d.glb", "e.webp", "f.unknown"]

    assert filter_files_content_types(files, ["image"]) == ["a.png", "e.webp"]
    assert filter_files_content_types(files, ["video", "audio"]) == ["b.mp4", "c.wav"]
    assert filter_files_content_types(files, ["model"]) == ["d.glb"]


def test_no_endings_keep_every_file():
    assert filter_files_extensions(["b", "a.x"], set()) == ["a.x", "b"]


def test_old_temp_files_go_and_fresh_ones_stay(tmp_path):
    old, fresh = put(tmp_path, "sub", "old.png"), put(tmp_path, "fresh.png")
    os.utime(old, (1, 1))

    assert remove_old_temp_files(tmp_path) == 1
    assert not os.path.exists(old)
    assert os.path.exists(fresh)
