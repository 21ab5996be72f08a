"""Nodes that read and write files."""

from __future__ import annotations

import errno
import importlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.engine.engine import Engine
from app.engine.files import FileSaveError

Call = Callable[..., Any]


def _picture(height: int = 4, width: int = 6, channels: int = 3) -> torch.Tensor:
    values = torch.linspace(0, 1, height * width * channels)
    return values.reshape(1, height, width, channels)


def _saved(base_dir: Path, result: Any, key: str = "images") -> list[Path]:
    return [
        base_dir / entry["type"] / entry["subfolder"] / entry["filename"]
        for entry in result["ui"][key]
    ]


def test_save_image_cuts_to_eight_bits_and_keeps_the_workflow_d178(
    nodes: ModuleType, base_dir: Path
) -> None:
    image = _picture()

    result = nodes.SaveImage().save_images(
        image, "d178/one", prompt={"1": "p"}, extra_pnginfo={"workflow": {"nodes": []}}
    )

    (path,) = _saved(base_dir, result)
    with Image.open(path) as file:
        assert json.loads(file.text["prompt"]) == {"1": "p"}
        assert json.loads(file.text["workflow"]) == {"nodes": []}
        pixels = np.asarray(file)
    np.testing.assert_array_equal(pixels, np.floor(image[0].numpy() * 255).astype(np.uint8))


def test_save_image_writes_no_metadata_when_switched_off(
    nodes: ModuleType, base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comfy.cli_args import args

    monkeypatch.setattr(args, "disable_metadata", True)

    result = nodes.SaveImage().save_images(_picture(), "bare/one", prompt={"1": "p"})

    with Image.open(_saved(base_dir, result)[0]) as file:
        assert file.info == {}


def test_save_image_numbers_a_batch_and_fills_in_the_batch_number(
    nodes: ModuleType, base_dir: Path
) -> None:
    result = nodes.SaveImage().save_images(_picture().repeat(2, 1, 1, 1), "n/b%batch_num%x")

    names = [path.name for path in _saved(base_dir, result)]
    assert names == ["b0x_00001_.png", "b1x_00002_.png"]


def test_two_programs_that_save_at_once_get_different_names(
    nodes: ModuleType, base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import folder_paths

    folder = base_dir / "output" / "race"
    folder.mkdir(parents=True)
    (folder / "a_00001_.png").write_bytes(b"theirs")
    answer = (str(folder), "a", 1, "race", "race/a")
    monkeypatch.setattr(folder_paths, "get_save_image_path", lambda *_: answer)

    result = nodes.SaveImage().save_images(_picture(), "race/a")

    assert _saved(base_dir, result)[0].name == "a_00002_.png"
    assert (folder / "a_00001_.png").read_bytes() == b"theirs"


class _FullDisk(io.BytesIO):
    """A file on a disk that has no room."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        Path(name).touch()

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_in_words_and_leaves_no_half_picture(
    nodes: ModuleType, base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = importlib.import_module("nodes.saving")
    monkeypatch.setattr(
        saving, "claim_file", lambda folder, name: _FullDisk(str(Path(folder) / name))
    )

    with pytest.raises(FileSaveError, match=r'Cannot save "a_00001_\.png": the disk is full\.'):
        nodes.SaveImage().save_images(_picture(), "full/a")

    assert list((base_dir / "output" / "full").iterdir()) == []


def test_an_empty_batch_is_refused_in_words(nodes: ModuleType) -> None:
    with pytest.raises(ValueError, match="the batch is empty"):
        nodes.SaveImage().save_images(torch.zeros(0, 4, 4, 3))


def test_a_latent_in_place_of_a_picture_is_refused_in_words(nodes: ModuleType) -> None:
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        nodes.SaveImage().save_images(torch.zeros(1, 4, 8, 7))


def test_preview_image_goes_to_the_temp_folder(nodes: ModuleType, base_dir: Path) -> None:
    result = nodes.PreviewImage().save_images(_picture())

    entry = result["ui"]["images"][0]
    assert entry["type"] == "temp"
    assert entry["filename"].startswith("ComfyUI_temp_")
    assert _saved(base_dir, result)[0].is_file()


def test_image_compare_names_its_two_sides(call: Call, base_dir: Path) -> None:
    result = call("ImageCompare", image_a=_picture(), image_b=None)

    assert len(result["ui"]["a_images"]) == 1
    assert result["ui"]["b_images"] == []


def test_load_image_turns_as_exif_says_and_inverts_alpha_d179(call: Call, base_dir: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (6, 4), (255, 0, 0, 51)).save(base_dir / "input" / "turned.png", exif=exif)

    image, mask = call("LoadImage", image="turned.png")

    assert image.shape == (1, 6, 4, 3)
    assert torch.allclose(mask, torch.full((1, 6, 4), 0.8))


def test_load_image_gives_an_opaque_file_a_small_empty_mask_d179(
    call: Call, base_dir: Path
) -> None:
    Image.new("RGB", (6, 4)).save(base_dir / "input" / "opaque.png")

    _, mask = call("LoadImage", image="opaque.png")

    assert torch.equal(mask, torch.zeros(1, 64, 64))


def test_load_image_makes_a_batch_of_an_animation(call: Call, base_dir: Path) -> None:
    frames = [Image.new("RGB", (5, 5), (i * 100, 0, 0)) for i in range(3)]
    frames[0].save(
        base_dir / "input" / "moving.webp",
        save_all=True,
        append_images=frames[1:],
        lossless=True,
    )

    image, _ = call("LoadImage", image="moving.webp")

    assert image.shape == (3, 5, 5, 3)
    assert image[2, 0, 0, 0] == pytest.approx(200 / 255)


def test_load_image_keeps_the_depth_of_a_sixteen_bit_picture(call: Call, base_dir: Path) -> None:
    levels = np.array([[0, 32768, 65535]], np.uint16)
    Image.fromarray(levels).save(base_dir / "input" / "deep.png")

    image, _ = call("LoadImage", image="deep.png")

    assert image[0, 0, :, 1].tolist() == pytest.approx([0, 32768 / 65535, 1])


def test_load_image_mask_takes_one_channel(call: Call, base_dir: Path) -> None:
    Image.new("RGBA", (3, 2), (0, 51, 255, 102)).save(base_dir / "input" / "channels.png")

    values = {
        channel: call("LoadImageMask", image="channels.png", channel=channel)[0].mean().item()
        for channel in ("red", "green", "blue", "alpha")
    }

    assert values == pytest.approx({"red": 0, "green": 0.2, "blue": 1, "alpha": 0.6})


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_damaged_picture_is_told_in_words(call: Call, base_dir: Path, content: bytes) -> None:
    (base_dir / "input" / "broken.png").write_bytes(content)

    with pytest.raises(ValueError, match=r'Cannot read "broken\.png" as a picture'):
        call("LoadImage", image="broken.png")


def test_a_picture_that_is_gone_is_told_before_the_run(engine: Engine) -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "gone.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }

    result = engine.run(prompt)

    assert 'The picture "gone.png" is not in the input folder.' in json.dumps(
        result.node_errors, ensure_ascii=False
    ).replace('\\"', '"')


def test_load_image_output_lists_saved_pictures_and_reads_one(
    call: Call, nodes: ModuleType, base_dir: Path
) -> None:
    Image.new("RGB", (2, 2), (255, 255, 255)).save(base_dir / "output" / "done.png")

    options = nodes.LoadImageOutput.INPUT_TYPES()["required"]["image"][1]["options"]

    assert "done.png [output]" in options
    assert call("LoadImageOutput", image="done.png [output]")[0].mean() == 1


def test_an_edited_picture_is_read_again(nodes: ModuleType, base_dir: Path) -> None:
    path = base_dir / "input" / "edited.png"
    Image.new("RGB", (2, 2)).save(path)
    before = nodes.LoadImage.IS_CHANGED("edited.png")

    Image.new("RGB", (2, 2), (1, 1, 1)).save(path)

    assert nodes.LoadImage.IS_CHANGED("edited.png") != before


def test_latents_survive_saving_and_loading(call: Call, base_dir: Path) -> None:
    samples = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(1))
    result = call("SaveLatent", samples={"samples": samples}, filename_prefix="latents/x")
    (path,) = _saved(base_dir, result, "latents")
    path.rename(base_dir / "input" / "kept.latent")

    (loaded,) = call("LoadLatent", latent="kept.latent")

    assert torch.equal(loaded["samples"], samples)


def test_an_old_latent_file_is_brought_to_todays_scale(call: Call, base_dir: Path) -> None:
    import safetensors.torch

    path = base_dir / "input" / "old.latent"
    safetensors.torch.save_file({"latent_tensor": torch.full((1, 4, 2, 2), 0.18215)}, path)

    (loaded,) = call("LoadLatent", latent="old.latent")

    assert loaded["samples"].mean().item() == pytest.approx(1.0)


def test_a_file_that_holds_no_latent_is_told_in_words(call: Call, base_dir: Path) -> None:
    (base_dir / "input" / "bad.latent").write_bytes(b"nothing")

    with pytest.raises(ValueError, match=r'"bad\.latent" is not a latent file'):
        call("LoadLatent", latent="bad.latent")


@pytest.mark.parametrize(
    ("node", "options", "ending"),
    [
        ("SaveAnimatedWEBP", {"lossless": True, "quality": 80, "method": "fastest"}, "webp"),
        ("SaveAnimatedPNG", {"compress_level": 4}, "png"),
    ],
)
def test_animations_hold_every_frame(
    call: Call, base_dir: Path, node: str, options: dict[str, Any], ending: str
) -> None:
    frames = torch.zeros(3, 8, 8, 3)
    frames[1, ..., 0], frames[2, ..., 1] = 1, 1

    result = call(node, images=frames, filename_prefix="move/m", fps=5.0, **options)

    (path,) = _saved(base_dir, result)
    assert path.suffix == f".{ending}"
    assert result["ui"]["animated"] == (True,)
    with Image.open(path) as file:
        assert file.n_frames == 3
        file.seek(2)
        assert file.convert("RGB").getpixel((0, 0)) == (0, 255, 0)


def _run_with_workflow(engine: Engine, node: str, inputs: dict[str, Any]) -> Any:
    prompt = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 2, "color": 0x336699},
        },
        "2": {"class_type": node, "inputs": {"images": ["1", 0], **inputs}},
    }
    extra = {"extra_pnginfo": {"workflow": {"name": "héllo"}}}
    result = engine.run(prompt, extra_data=extra)
    assert result.error is None, result.node_errors
    return {"ui": result.outputs["2"]}


def test_animated_webp_carries_the_workflow(engine: Engine, base_dir: Path) -> None:
    options = {"filename_prefix": "w/a", "fps": 6.0, "lossless": True, "quality": 80}

    result = _run_with_workflow(engine, "SaveAnimatedWEBP", {**options, "method": "default"})

    with Image.open(_saved(base_dir, result)[0]) as file:
        exif = file.getexif()
        assert exif[0x0110].startswith("prompt:{")
        assert json.loads(exif[0x010F].removeprefix("workflow:")) == {"name": "héllo"}


@pytest.mark.parametrize(
    ("kind", "depth", "tolerance"),
    [
        ("png", "8-bit", 1 / 255),
        ("png", "16-bit", 1 / 65535),
        ("jpg", "8-bit", 0.03),
        ("webp", "8-bit", 0.05),
    ],
)
def test_save_image_advanced_writes_files_that_pillow_reads(
    call: Call, base_dir: Path, kind: str, depth: str, tolerance: float
) -> None:
    image = torch.full((1, 16, 24, 3), 0.4) + torch.linspace(0, 0.2, 24)[None, None, :, None]
    wish = {"format": kind, "bit_depth": depth, "input_color_space": "sRGB"}
    output = call("SaveImageAdvanced", images=image, filename_prefix=f"adv/{kind}", format=wish)

    newest = max((base_dir / "output" / "adv").glob(f"{kind}_*"), key=lambda p: p.name)

    assert torch.equal(output[0], image)
    with Image.open(newest) as file:
        pixels = np.asarray(file.convert("RGB"), np.float32) / 255
    np.testing.assert_allclose(pixels, image[0].numpy(), atol=tolerance + 1 / 255)


def test_sixteen_bit_png_keeps_fine_steps_and_unicode_metadata() -> None:
    from app.engine.imaging.deep_files import encode_png16

    image = np.array([[[0.0], [0.5001], [1.0]]], np.float32)

    data = encode_png16(image, {"prompt": '{"a": "ü 漢"}'})

    with Image.open(io.BytesIO(data)) as file:
        assert file.text["prompt"] == '{"a": "ü 漢"}'
        levels = np.asarray(file)
    assert levels.tolist() == [[0, round(0.5001 * 65535), 65535]]


def test_exr_holds_linear_floats_beyond_one() -> None:
    from app.engine.imaging.deep_files import encode_exr

    image = np.array([[[0.25, 4.0, -1.0], [1e-4, 0.5, 2.0]]], np.float32)

    channels = _read_exr(encode_exr(image, {"workflow": "{}"}))

    assert {k: v.tolist() for k, v in channels.items()} == {
        "R": [[0.25, np.float32(1e-4)]],
        "G": [[4.0, 0.5]],
        "B": [[-1.0, 2.0]],
    }


def _read_exr(data: bytes) -> dict[str, np.ndarray]:
    """Read a one-part scan line file with float channels, after the format's description."""
    assert struct.unpack_from("<II", data) == (20000630, 2)
    position, attributes = 8, {}
    while data[position]:
        name, kind = (text.decode() for text in data[position:].split(b"\0", 2)[:2])
        position += len(name) + len(kind) + 2
        (size,) = struct.unpack_from("<i", data, position)
        attributes[name] = data[position + 4 : position + 4 + size]
        position += 4 + size
    left, top, right, bottom = struct.unpack("<iiii", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    names = [part[:1].decode() for part in _entries(attributes["channels"])]
    offsets = struct.unpack_from(f"<{height}Q", data, position + 1)
    rows = []
    for offset in offsets:
        _, size = struct.unpack_from("<ii", data, offset)
        block = data[offset + 8 : offset + 8 + size]
        expected = width * len(names) * 4
        rows.append(block if size == expected else _unpack(block))
    planes = np.frombuffer(b"".join(rows), "<f4").reshape(height, len(names), width)
    return {name: planes[:, index] for index, name in enumerate(names)}


def _entries(data: bytes) -> list[bytes]:
    return [data[i : i + 18] for i in range(0, len(data) - 1, 18)]


def _unpack(block: bytes) -> bytes:
    differences = np.frombuffer(zlib.decompress(block), np.uint8).astype(np.int64)
    differences[1:] -= 128
    split = np.cumsum(differences).astype(np.uint8)
    half = (len(split) + 1) // 2
    raw = np.empty_like(split)
    raw[0::2], raw[1::2] = split[:half], split[half:]
    return raw.tobytes()


def test_a_large_exr_is_read_back_exactly() -> None:
    from app.engine.imaging.deep_files import encode_exr

    ramp = np.linspace(0, 1, 64 * 48 * 4, dtype=np.float32).reshape(48, 64, 4)

    channels = _read_exr(encode_exr(ramp))

    for index, name in enumerate("RGBA"):
        np.testing.assert_array_equal(channels[name], ramp[..., index])


def test_svg_files_carry_the_workflow(engine: Engine, call: Call, base_dir: Path) -> None:
    from app.engine.workflow.metadata.svg import write_texts

    svg = '<?xml version="1.0"?>\n<svg width="1" height="1"><g/></svg>'
    graphics = SimpleNamespace(data=[io.BytesIO(svg.encode())])

    result = call("SaveSVGNode", svg=graphics, filename_prefix="svg/x")

    assert _saved(base_dir, result)[0].read_text() == svg
    marked = write_texts(svg.encode(), {"prompt": '{"a": "]]>"}'}).decode()
    assert marked.index("<metadata>") < marked.index("<g/>")
    assert '"]]]]><![CDATA[>"' in marked


def test_save_text_keeps_the_text_and_passes_it_on(call: Call, base_dir: Path) -> None:
    output = call("SaveText", text="grün", filename_prefix="texts/t", format="md")

    assert output == ("grün",)
    assert (base_dir / "output" / "texts" / "t_00001_.md").read_text("utf-8") == "grün"


def test_save_text_refuses_an_ending_of_its_own(call: Call) -> None:
    with pytest.raises(ValueError, match="is not one of txt"):
        call("SaveText", text="x", filename_prefix="t", format="../../evil")


@pytest.mark.parametrize("prefix", ["../outside", "/etc/x", "a/../../b"])
def test_no_prefix_leaves_the_output_folder(nodes: ModuleType, base_dir: Path, prefix: str) -> None:
    with pytest.raises(Exception, match=r"(?i)outside|leave|output"):
        nodes.SaveImage().save_images(_picture(), prefix)
