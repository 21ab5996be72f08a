"""What files are made of besides their texts, found by readers of their own.

Each function gives what has to be equal before and after a text is written into a file. None of
them uses the code that it helps to test.
"""

from __future__ import annotations

import io
import json
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from typing import Any

import media_files as media
import safetensors.torch
from PIL import Image


def frames(data: bytes) -> list[bytes]:
    """Return the pixels of every frame of a picture, and how long each is shown."""
    found = []
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            time = str(image.info.get("duration")).encode()
            found.append(time + image.convert("RGBA").tobytes())
        found.append(repr([image.info.get(key) for key in ("icc_profile", "xmp", "dpi")]).encode())
    return found


def png(data: bytes) -> Any:
    """Return the chunks without the texts; every chunk's checksum is right."""
    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        assert data[at + 8 + length : at + 12 + length] == struct.pack(
            ">I", zlib.crc32(kind + content)
        )
        if kind not in (b"tEXt", b"iTXt", b"zTXt", b"comf"):
            chunks.append((kind, content))
        at += 12 + length
    return frames(data), chunks


def webp(data: bytes) -> Any:
    """Return the chunks without header and EXIF; the length in the file's head is right."""
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    chunks, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind not in (b"VP8X", b"EXIF"):
            chunks.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return frames(data), chunks


def jpeg(data: bytes) -> Any:
    """Return the segments without EXIF and comments, and the picture behind them."""
    segments, at = [], 2
    while data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        content = data[at + 4 : at + 2 + length]
        if data[at + 1] != 0xFE and not content.startswith(b"Exif"):
            segments.append((data[at + 1], content))
        at += 2 + length
    return frames(data), segments, data[at:]


def gif(data: bytes) -> Any:
    """Return the frames."""
    return frames(data)


def boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each box; they fill the file to the last byte."""
    at = start
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        elif length == 0:
            length = len(data) - at
        yield name, at + head, at + length
        at += length
    assert at == len(data)


def avif(data: bytes) -> Any:
    """Return the frames, and the bytes of every item but EXIF by its number."""
    meta = next(data[a + 4 : b] for name, a, b in boxes(data) if name == b"meta")
    inner = {name: meta[a:b] for name, a, b in boxes(meta)}
    version = inner[b"iloc"][0]
    offset_width, length_width = inner[b"iloc"][4] >> 4, inner[b"iloc"][4] & 15
    base_width = inner[b"iloc"][5] >> 4
    stream = io.BytesIO(inner[b"iloc"][6:])

    def take(width: int) -> int:
        return int.from_bytes(stream.read(width), "big")

    kinds = {}
    for name, a, b in boxes(inner[b"iinf"], 6):
        assert name == b"infe"
        kinds[int.from_bytes(inner[b"iinf"][a + 4 : a + 6], "big")] = inner[b"iinf"][a + 8 : b][:4]
    found = {}
    for _ in range(take(2)):
        number, method = take(2), take(2) & 15 if version else 0
        take(2)
        base = take(base_width)
        content = b""
        for _ in range(take(2)):
            start, length = base + take(offset_width), take(length_width)
            content += (inner[b"idat"] if method else data)[start : start + length]
        if kinds[number] != b"Exif":
            found[number] = kinds[number], content
    return frames(data), found


def svg(data: bytes) -> Any:
    """Return the document without its metadata."""
    root = ET.fromstring(data)
    for part in list(root):
        if part.tag.rpartition("}")[2] == "metadata":
            root.remove(part)
            root.text = None
    return ET.tostring(root)


def film(data: bytes) -> Any:
    """Return the samples where the index says that they are, and the boxes with nothing told."""
    found = []
    pending = [(data, a, b, name) for name, a, b in boxes(data)]
    while pending:
        _, start, end, name = pending.pop(0)
        if name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            pending = [
                (data, start + a, start + b, inner) for inner, a, b in boxes(data[start:end])
            ] + pending
        elif name in (b"stco", b"co64"):
            pattern = ">II" if name == b"stco" else ">QQ"
            one, two = struct.unpack_from(pattern, data, start + 8)
            found.append(data[one : one + 120] + data[two : two + 80])
    return found


def fragments(data: bytes) -> Any:
    """Return the samples where the fragments, their list and the index say that they are."""
    tops = list(boxes(data))
    starts = [start - 8 for name, start, _ in tops if name == b"moof"]
    found = []
    for name, start, end in tops:
        if name == b"sidx":
            (first,) = struct.unpack_from(">I", data, start + 16)
            assert end + first == starts[0]
        elif name == b"mfra":
            table = data[start + 8 :]
            listed = [struct.unpack_from(">Q", table, 16 + 19 * n + 8)[0] for n in range(2)]
            assert listed == starts
        elif name == b"moof":
            place = data.index(b"tfhd", start)
            (base,) = struct.unpack_from(">Q", data, place + 12)
            found.append(data[base : base + (120 if not found else 80)])
    return b"".join(found)


def webm(data: bytes) -> Any:
    """Return the elements of the film without tags and empty ones; all lengths are right."""
    start, end = next((a, b) for name, a, b in _elements(data, 0, len(data)) if name == 0x18538067)
    assert end == len(data)
    return [
        (name, data[a:b])
        for name, a, b in _elements(data, start, end)
        if name not in (0x1254C367, 0xEC, 0x114D9B74)
    ]


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at < end:
        width = 9 - data[at].bit_length()
        name = int.from_bytes(data[at : at + width], "big")
        at += width
        width = 9 - data[at].bit_length()
        mask = (1 << 7 * width) - 1
        length = int.from_bytes(data[at : at + width], "big") & mask
        at += width
        if length != mask:
            yield name, at, at + length
            at += length
        elif name == 0x18538067:
            yield name, at, end
            return
        else:
            # A cluster of unknown length: what is in it follows as if it stood beside it.
            yield name, at, at
    assert at == end


def flac(data: bytes) -> Any:
    """Return the blocks without comments, and the sound."""
    blocks, at, is_last = [], 4, False
    while not is_last:
        is_last, kind = bool(data[at] & 0x80), data[at] & 0x7F
        end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        if kind != 4:
            blocks.append((kind, data[at + 4 : end]))
        at = end
    return blocks, data[at:]


def mp3(data: bytes) -> Any:
    """Return the sound behind the tag."""
    if not data.startswith(b"ID3"):
        return data
    a, b, c, d = data[6:10]
    return data[10 + (a << 21 | b << 14 | c << 7 | d) :]


def ogg(data: bytes) -> Any:
    """Return the packets but comments, and their times; numbers and checksums are right."""
    packets: dict[int, list[Any]] = {}
    open_packets: dict[int, bytes] = {}
    numbers: dict[int, int] = {}
    at = 0
    while at < len(data):
        _version, flags, time, serial, number, seal = struct.unpack_from("<BBqIII", data, at + 4)
        count = data[at + 26]
        lengths = data[at + 27 : at + 27 + count]
        end = at + 27 + count + sum(lengths)
        blank = data[at : at + 22] + bytes(4) + data[at + 26 : end]
        assert media.checksum(blank) == seal
        assert number == numbers.setdefault(serial, 0)
        assert bool(flags & 2) == (number == 0)
        assert bool(flags & 1) == (serial in open_packets)
        assert (time == -1) == all(length == 255 for length in lengths)
        numbers[serial] += 1
        place = at + 27 + count
        for length in lengths:
            piece = open_packets.pop(serial, b"") + data[place : place + length]
            place += length
            if length == 255:
                open_packets[serial] = piece
            else:
                packets.setdefault(serial, []).append((piece, time))
        at = end
    assert not open_packets
    return {serial: [own[0], *own[2:]] for serial, own in packets.items()}


def glb(data: bytes) -> Any:
    """Return the description without extras, and the chunks behind it."""
    _mark, version, total, length, kind = struct.unpack_from("<4sIIII", data)
    assert (version, total, kind, length % 4) == (2, len(data), 0x4E4F534A, 0)
    described = json.loads(data[20 : 20 + length])
    described["asset"].pop("extras", None)
    return described, data[20 + length :]


def tensors(data: bytes) -> Any:
    """Return the tensors as the library of this format reads them."""
    loaded = safetensors.torch.load(data)
    return {name: tensor.tolist() for name, tensor in loaded.items()}
