"""Workflows inside PNG and WebP files: what we write, what others write, and hostile files."""

from __future__ import annotations

import io
import json
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin
from workflow_tools import DATA

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata import limits, png, read_texts, webp
from app.engine.workflow.metadata.exif import read_exif
from app.engine.workflow.reader import read_workflow

_WORKFLOW = {"version": 0.4, "nodes": [{"id": 7, "type": "Note"}], "links": []}
_PROMPT = {"3": {"class_type": "KSampler", "inputs": {"seed": 1}}}
_TEXTS = {"prompt": json.dumps(_PROMPT), "workflow": json.dumps(_WORKFLOW)}


def _picture(kind: str, **more) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (5, 3), "red").save(stream, kind, **more)
    return stream.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _exif_texts(block: bytes) -> dict[str, str]:
    texts = limits.Texts("x")
    read_exif(block, texts)
    return texts.found


def _png_with(*chunks: bytes) -> bytes:
    plain = _picture("PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def test_a_png_written_here_reads_back_here_and_in_pillow():
    texts = {**_TEXTS, "note": "é漢 and a\nline"}

    data = png.write_texts(_picture("PNG"), texts)

    assert read_texts(data) == texts
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.text == texts
        assert image.size == (5, 3)


def test_writing_again_replaces_the_texts_of_the_same_name():
    data = png.write_texts(_picture("PNG"), {"workflow": "old", "other": "kept"})

    data = png.write_texts(data, {"workflow": "new"})

    assert read_texts(data) == {"workflow": "new", "other": "kept"}


def test_a_png_of_pillow_is_read():
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", _TEXTS["prompt"], zip=True)
    info.add_itxt("workflow", _TEXTS["workflow"], zip=True)

    assert read_texts(_picture("PNG", pnginfo=info)) == _TEXTS


def test_an_animated_png_keeps_its_texts_behind_the_picture():
    info = PngImagePlugin.PngInfo()
    for key, text in _TEXTS.items():
        info.add(b"comf", key.encode() + b"\0" + text.encode(), after_idat=True)

    assert read_texts(_picture("PNG", pnginfo=info)) == _TEXTS


def test_the_workflow_is_preferred_to_the_prompt():
    both = png.write_texts(_picture("PNG"), _TEXTS)
    only = png.write_texts(_picture("PNG"), {"prompt": _TEXTS["prompt"]})

    assert [node.type for node in read_workflow(both).root.nodes.values()] == ["Note"]
    assert [node.type for node in read_workflow(only).root.nodes.values()] == ["KSampler"]


def test_a_picture_without_a_workflow_is_refused_with_a_sentence():
    with pytest.raises(WorkflowFileError, match="it carries no workflow"):
        read_workflow(_picture("PNG"), name="a.png")


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_a_webp_of_another_program_is_read(lossless, prefix):
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + _TEXTS["prompt"]
    exif[0x010F] = "Workflow:" + _TEXTS["workflow"]
    exif[0x010E] = "other:{}"
    block = prefix + exif.tobytes().removeprefix(b"Exif\0\0")

    data = _picture("WEBP", lossless=lossless, exif=block)

    assert read_texts(data) == {**_TEXTS, "other": "{}"}


@pytest.mark.parametrize("more", [{"lossless": True}, {"quality": 80}, {"exif": b"II*\0junk"}])
def test_a_webp_written_here_reads_back_here_and_in_pillow(more):
    data = webp.write_texts(_picture("WEBP", **more), _TEXTS)

    assert read_texts(data) == _TEXTS
    assert [n.type for n in read_workflow(data).root.nodes.values()] == ["Note"]
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (5, 3)
        assert image.getexif()[0x0110] == "prompt:" + _TEXTS["prompt"]


def test_a_transparent_webp_stays_transparent():
    stream = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 10)).save(stream, "WEBP", lossless=True)

    data = webp.write_texts(stream.getvalue(), _TEXTS)

    with Image.open(io.BytesIO(data)) as image:
        assert image.convert("RGBA").getpixel((0, 0)) == (255, 0, 0, 10)


def test_a_big_endian_exif_block_with_short_values_is_read():
    entries = struct.pack(">HHI4s", 0x0110, 2, 4, b"a:b\0")
    block = b"MM\0*" + struct.pack(">IH", 8, 1) + entries + struct.pack(">I", 0)

    assert _exif_texts(block) == {"a": "b"}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_cut_off_anywhere_is_refused_or_read(kind):
    data = _picture(kind)
    whole = png.write_texts(data, _TEXTS) if kind == "PNG" else webp.write_texts(data, _TEXTS)

    for length in range(len(whole)):
        try:
            read_workflow(whole[:length], name="cut")
        except WorkflowFileError:
            continue
        raise AssertionError(f"{length} of {len(whole)} bytes were taken for a whole file")


def test_a_text_longer_than_the_limit_is_refused():
    text = b"workflow\0" + b" " * (limits.MAX_TEXT_BYTES + 1)

    with pytest.raises(WorkflowFileError, match="longer than 64 MB"):
        read_workflow(_png_with(_chunk(b"tEXt", text)), name="a.png")


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_bomb_is_refused_before_it_unfolds(kind):
    bomb = zlib.compress(b"\0" * (limits.MAX_TEXT_BYTES + 1), 9)
    head = b"workflow\0\0" if kind == b"zTXt" else b"workflow\0\x01\0\0\0"

    with pytest.raises(WorkflowFileError, match="longer than 64 MB"):
        read_texts(_png_with(_chunk(kind, head + bomb)))


@pytest.mark.parametrize(
    ("body", "words"), [(b"junk", "damaged"), (zlib.compress(b"x" * 999)[:-6], "cut off")]
)
def test_damaged_compression_is_refused(body, words):
    with pytest.raises(WorkflowFileError, match=words):
        read_texts(_png_with(_chunk(b"zTXt", b"workflow\0\0" + body)))


def test_many_small_texts_count_together(monkeypatch):
    monkeypatch.setattr(limits, "MAX_TEXT_BYTES", 1000)
    chunks = [_chunk(b"tEXt", b"k%d\0" % index + b"x" * 300) for index in range(5)]

    with pytest.raises(WorkflowFileError, match="longer than"):
        read_texts(_png_with(*chunks))


@pytest.mark.parametrize("keyword", ["", "k" * 80, "a\0b"])
def test_a_bad_keyword_is_refused(keyword):
    with pytest.raises(ValueError, match="1 to 79"):
        png.write_texts(_picture("PNG"), {keyword: "x"})


@pytest.mark.parametrize(
    "exif",
    [b"", b"II", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\xff\xff",
     b"II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\xff\xff\xff\xff\xff\xff\xff\xff"],
)  # fmt: skip
def test_a_damaged_exif_block_holds_nothing(exif):
    assert _exif_texts(exif) == {}


def test_no_picture_library_is_needed_to_read():
    import subprocess
    import sys

    code = "import sys, app.engine.workflow.reader; print('PIL' in sys.modules)"
    root = DATA.parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
