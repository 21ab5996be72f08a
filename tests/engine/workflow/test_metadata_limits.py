"""Hostile files of every container: too much text, and little that unfolds to much."""

from __future__ import annotations

import gzip
import struct
import time
import tracemalloc
import zlib

import media_files as media
import pytest

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata import png, read_texts
from app.engine.workflow.reader import open_workflow, read_workflow

_MEGABYTE = 1 << 20
_MOST_SECONDS = 2.0
_MOST_BYTES = 1 << 30
_LONG = {"prompt": "{}", "workflow": '{"nodes": [], "x": "' + "a" * (70 * _MEGABYTE) + '"}'}


def _flac(blocks: int) -> bytes:
    """Return a FLAC with comments of 14 MB in each of several blocks."""
    block = media.comments({"workflow": "a" * (14 * _MEGABYTE)})
    one = b"\x04" + len(block).to_bytes(3, "big") + block
    return b"fLaC" + media.STREAM_INFO + one * blocks + b"\x81\0\0\0"


def _ogg(mark: bytes, head: bytes) -> bytes:
    return media.pages([head, mark + media.comments(_LONG), b"s"], is_sealed=False)


_SEVENTY = {
    "png": lambda: media.png(_LONG),
    "png itxt": lambda: media.png_with(
        media.png_chunk(b"iTXt", b"workflow\0\0\0\0\0" + _LONG["workflow"].encode())
    ),
    "png comf": lambda: media.png_with(
        media.png_chunk(b"comf", b"workflow\0" + _LONG["workflow"].encode())
    ),
    "webp": lambda: media.webp(_LONG),
    "jpeg comment": lambda: media.jpeg_comment(_LONG),
    "avif": lambda: media.avif(_LONG),
    "gif": lambda: media.gif_by_hand(_LONG),
    "svg": lambda: media.svg(_LONG),
    "mp4": lambda: media.mp4(_LONG),
    "mp4 in fragments": lambda: media.mp4_fragments(_LONG),
    "mov": lambda: media.mov(_LONG),
    "webm": lambda: media.webm(_LONG),
    "flac": lambda: _flac(5),
    "mp3": lambda: media.mp3_latin(_LONG),
    "ogg": lambda: _ogg(b"\x03vorbis", b"\x01vorbis"),
    "opus": lambda: _ogg(b"OpusTags", b"OpusHead"),
    "glb": lambda: media.glb(_LONG),
    "safetensors": lambda: media.safetensors(_LONG),
    "latent": lambda: media.latent(_LONG),
}


@pytest.mark.parametrize("name", _SEVENTY)
def test_seventy_megabytes_of_text_are_refused(name, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(_SEVENTY[name]())
    assert path.stat().st_size >= 70 * _MEGABYTE
    start = time.process_time()

    with pytest.raises(WorkflowFileError, match=r'^Cannot open "file.bin": .* longer than 64 MB'):
        open_workflow(path)

    assert time.process_time() - start < _MOST_SECONDS


@pytest.fixture(scope="module")
def gigabyte() -> bytes:
    """One gigabyte of zeros, compressed to one megabyte."""
    machine = zlib.compressobj(1)
    zeros = bytes(_MEGABYTE)
    parts = [machine.compress(zeros) for _ in range(1024)]
    return b"".join([*parts, machine.flush()])


def _gzip(deflated: bytes) -> bytes:
    # The checksum of zlib takes the place of that of gzip, which nobody gets to read.
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated[2:] + struct.pack("<I", 1 << 30)


def _id3(frame: bytes) -> bytes:
    return b"ID3\x03\0\0" + media.syncsafe(len(frame)) + frame + media.MP3_SOUND


@pytest.mark.parametrize(
    ("wrap", "words"),
    [
        (lambda bomb: media.png_with(media.png_chunk(b"zTXt", b"workflow\0\0" + bomb)), "64 MB"),
        (
            lambda bomb: media.png_with(media.png_chunk(b"iTXt", b"workflow\0\1\0\0\0" + bomb)),
            "64 MB",
        ),
        (
            lambda bomb: _id3(
                b"TXXX" + struct.pack(">I", len(bomb) + 4) + b"\0\x80" + bytes(4) + bomb
            ),
            "64 MB",
        ),
        (_gzip, "256 MB"),
    ],
    ids=["zTXt", "iTXt", "ID3", "gzip"],
)
def test_a_bomb_is_refused_before_it_unfolds(wrap, words, gigabyte, tmp_path):
    path = tmp_path / "bomb.bin"
    path.write_bytes(wrap(gigabyte))
    tracemalloc.start()
    start = time.process_time()

    try:
        with pytest.raises(WorkflowFileError, match=rf'^Cannot open "bomb.bin": .*{words}'):
            open_workflow(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert time.process_time() - start < _MOST_SECONDS
    assert peak < _MOST_BYTES


def test_a_drawing_that_unfolds_to_much_is_refused():
    drawing = b"<svg><metadata>" + b" " * (70 * _MEGABYTE) + b"</metadata></svg>"

    with pytest.raises(WorkflowFileError, match="longer than 64 MB"):
        read_workflow(gzip.compress(drawing, 1))


@pytest.mark.parametrize("value", ["{}", "[]", '{"a":1}', '""', "1.5"])
def test_a_bomb_of_small_values_is_refused_before_it_is_parsed(value):
    text = '{"nodes":[' + f"{value}," * 1_500_001 + value + "]}"

    for data in (
        gzip.compress(text.encode(), 1),
        struct.pack("<Q", len(text)) + text.encode(),
        png.write_texts(media.picture("PNG"), {"workflow": text}),
    ):
        with pytest.raises(WorkflowFileError, match="more than 1,500,000 values"):
            read_workflow(data)


def test_of_a_large_file_only_the_text_is_measured():
    # A limit on text is none on pictures and sound.
    much = bytes(70 * _MEGABYTE)
    texts = {"workflow": "[]"}

    for data in (
        media.mp4(texts) + media.box(b"mdat", much), media.flac(texts) + much,
        media.mp3(texts) + much, media.png(texts) + much,
    ):  # fmt: skip
        assert read_texts(data) == texts
