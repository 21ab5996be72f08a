"""Write pictures with more than eight bits a channel: PNG with 16, OpenEXR with float."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np

_PNG_COLOR_TYPES = {1: 0, 3: 2, 4: 6}
_EXR_CHANNELS = {1: "Y", 3: "RGB", 4: "RGBA"}


def encode_png16(image: np.ndarray, texts: Mapping[str, str] | None = None) -> bytes:
    """Return a PNG file with 16 bits a channel.

    Args:
        image: ``(height, width, channels)`` float, values 0..1, 1, 3 or 4 channels.
        texts: Text chunks by key.

    Raises:
        ValueError: The number of channels is not possible.
    """
    height, width, channels = _shape(image, _PNG_COLOR_TYPES)
    levels = (np.clip(image, 0.0, 1.0) * 65535.0 + 0.5).astype(">u2")
    rows = levels.reshape(height, -1).view(np.uint8)
    pixel_bytes = 2 * channels
    # Filter 1 stores each byte as the difference to the pixel before; smooth pictures shrink.
    differences = rows.copy()
    differences[:, pixel_bytes:] -= rows[:, :-pixel_bytes]
    filtered = np.concatenate([np.ones((height, 1), np.uint8), differences], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOR_TYPES[channels], 0, 0, 0)
    chunks = [_png_chunk(b"IHDR", header)]
    for key, value in (texts or {}).items():
        chunks.append(_png_text(key, value))
    chunks.append(_png_chunk(b"IDAT", zlib.compress(filtered.tobytes(), 4)))
    chunks.append(_png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_text(key: str, value: str) -> bytes:
    name = key.encode("latin-1", "replace")[:79]
    try:
        return _png_chunk(b"tEXt", name + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        # An iTXt chunk holds UTF-8; the zeros mean: not compressed, no language, no translation.
        return _png_chunk(b"iTXt", name + b"\0\0\0\0\0" + value.encode("utf-8"))


def encode_exr(image: np.ndarray, texts: Mapping[str, str] | None = None) -> bytes:
    """Return an OpenEXR file with 32-bit float channels, lossless.

    Layout after "OpenEXR File Layout" (Academy Software Foundation): one part, scan lines from
    the top, each compressed alone (ZIPS).

    Args:
        image: ``(height, width, channels)`` float, any values, 1, 3 or 4 channels.
        texts: String attributes by name.

    Raises:
        ValueError: The number of channels is not possible.
    """
    height, width, channels = _shape(image, _EXR_CHANNELS)
    names = _EXR_CHANNELS[channels]
    order = sorted(range(channels), key=lambda index: names[index])
    header = _exr_header(width, height, sorted(names), texts or {})
    planes = np.ascontiguousarray(image.astype("<f4").transpose(0, 2, 1)[:, order])
    blocks = []
    for y in range(height):
        data = _exr_compress(planes[y].tobytes())
        blocks.append(struct.pack("<ii", y, len(data)) + data)
    offset = len(header) + 8 * height
    offsets = []
    for block in blocks:
        offsets.append(offset)
        offset += len(block)
    return header + struct.pack(f"<{height}Q", *offsets) + b"".join(blocks)


def _exr_header(width: int, height: int, names: list[str], texts: Mapping[str, str]) -> bytes:
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<iBxxxii", 2, 0, 1, 1) for name in names
    )
    window = struct.pack("<iiii", 0, 0, width - 1, height - 1)
    attributes = [
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", b"\x02"),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<ff", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ]
    attributes += [(key[:31], "string", value.encode("utf-8")) for key, value in texts.items()]
    body = b"".join(
        name.encode("ascii", "replace") + b"\0" + kind.encode() + b"\0"
        + struct.pack("<i", len(data)) + data
        for name, kind, data in attributes
    )  # fmt: skip
    return struct.pack("<II", 20000630, 2) + body + b"\0"


def _exr_compress(data: bytes) -> bytes:
    """Split even from odd bytes, store differences, deflate; raw when that is shorter."""
    raw = np.frombuffer(data, np.uint8)
    split = np.concatenate([raw[0::2], raw[1::2]])
    differences = split.copy()
    differences[1:] = split[1:] - split[:-1] + np.uint8(128)
    packed = zlib.compress(differences.tobytes(), 4)
    return packed if len(packed) < len(data) else data


def _shape(image: np.ndarray, known: Mapping[int, object]) -> tuple[int, int, int]:
    if image.ndim != 3 or image.shape[-1] not in known:
        raise ValueError(
            f"A picture needs 1, 3 or 4 channels, but this one has the shape {image.shape}."
        )
    height, width, channels = image.shape
    return height, width, channels
