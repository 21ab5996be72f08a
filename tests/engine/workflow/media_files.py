"""Small files of every container, built byte by byte as their standards say."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

Texts = Mapping[str, str]


def picture(kind: str, **more: object) -> bytes:
    """Return a picture made by Pillow."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(stream, kind, **more)
    return stream.getvalue()


def pillow_exif(texts: Texts) -> bytes:
    """Return an EXIF block of Pillow with the fields that others of this family use."""
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + texts["prompt"]
    exif[0x010F] = "Workflow:" + texts["workflow"]
    return exif.tobytes()


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box of an ISO media file."""
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


FTYP = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isommp42")
MDAT = box(b"mdat", bytes(500))
MVHD = box(b"mvhd", bytes(100))


def mdta(texts: Texts) -> bytes:
    """Return a ``meta`` box as ffmpeg writes it with ``use_metadata_tags``."""
    keys = b"".join(box(b"mdta", key.encode()) for key in texts)
    items = b"".join(
        box(struct.pack(">I", n), box(b"data", struct.pack(">II", 1, 0), text.encode()))
        for n, text in enumerate(texts.values(), 1)
    )
    return box(
        b"meta",
        bytes(4),
        box(b"hdlr", bytes(8), b"mdta", bytes(13)),
        box(b"keys", struct.pack(">II", 0, len(texts)), keys),
        box(b"ilst", items),
    )


def mp4(texts: Texts) -> bytes:
    """Return a film with the index at its end."""
    return FTYP + MDAT + box(b"moov", MVHD, box(b"udta", mdta(texts)))


def mov(texts: Texts) -> bytes:
    """Return a QuickTime film: 64-bit length, no version in ``meta``, a closed list."""
    meta = mdta(texts)
    bare = box(b"meta", meta[12:])
    wide = struct.pack(">I4sQ", 1, b"mdat", 16 + 40) + bytes(40)
    head = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    return head + box(b"moov", MVHD, bare, box(b"udta", bytes(4))) + wide


def mp4_with_comment(texts: Texts) -> bytes:
    """Return a film with one JSON object in its comment."""
    text = json.dumps({key: json.loads(value) for key, value in texts.items()})
    item = box(b"\xa9cmt", box(b"data", struct.pack(">II", 1, 0), text.encode()))
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"mdir", bytes(13)), box(b"ilst", item))
    return FTYP + box(b"moov", MVHD, box(b"udta", meta)) + MDAT


SAMPLES = bytes(range(200))


def film(places: bytes = b"stco", user_data: bytes = b"", *, is_index_last: bool = False) -> bytes:
    """Return a film whose index tells the places of two chunks of :data:`SAMPLES`."""
    width = 4 if places == b"stco" else 8
    head = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isommp42")

    def index(start: int) -> bytes:
        numbers = b"".join(place.to_bytes(width, "big") for place in (start, start + 120))
        table = box(places, bytes(4), struct.pack(">I", 2), numbers)
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))
        return box(b"moov", MVHD, track, user_data)

    if is_index_last:
        return head + box(b"mdat", SAMPLES) + index(len(head) + 8)
    start = len(head) + len(index(0)) + 8
    return head + index(start) + box(b"mdat", SAMPLES)


def film_in_fragments(user_data: bytes = b"") -> bytes:
    """Return a film in two fragments: places in their heads, in a list, and in an index."""
    head = box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5dash")
    moov = box(b"moov", MVHD, box(b"mvex", bytes(8)), user_data)

    def index(first: int) -> bytes:
        return box(b"sidx", bytes(12), struct.pack(">IIHH", 0, first, 0, 0))

    made = head + index(len(moov)) + moov
    starts = []
    for content in (SAMPLES[:120], SAMPLES[120:]):
        starts.append(len(made))

        def fragment(place: int) -> bytes:
            fields = struct.pack(">IIQ", 1, 1, place)
            return box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", fields)))

        made += fragment(len(made) + len(fragment(0)) + 8) + box(b"mdat", content)
    entries = b"".join(struct.pack(">QQBBB", 0, start, 1, 1, 1) for start in starts)
    table = box(b"tfra", b"\1\0\0\0", struct.pack(">III", 1, 0, 2), entries)
    return made + box(b"mfra", table, box(b"mfro", bytes(8)))


def mp4_fragments(texts: Texts) -> bytes:
    """Return a film in fragments."""
    return film_in_fragments(box(b"udta", mdta(texts)))


def element(identifier: int, *parts: bytes) -> bytes:
    """Return an element of a Matroska film."""
    content = b"".join(parts)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + struct.pack(">I", len(content) | 1 << 28) + content


_UNKNOWN = b"\x01" + b"\xff" * 7
EBML = element(0x1A45DFA3, element(0x4282, b"webm"))
CLUSTER = element(0x1F43B675, element(0xE7, b"\0"), element(0xA3, bytes(300)))


def tags(texts: Texts) -> bytes:
    """Return the tags of a film, names upper-cased."""
    simple = [
        element(0x67C8, element(0x45A3, key.upper().encode()), element(0x4487, text.encode()))
        for key, text in texts.items()
    ]
    return element(0x1254C367, element(0x7373, element(0x63C0), *simple))


def webm(texts: Texts) -> bytes:
    """Return a film with its tags before the clusters."""
    return EBML + element(0x18538067, element(0x1549A966), tags(texts), CLUSTER)


def webm_found_by_list(texts: Texts) -> bytes:
    """Return a film whose list of contents leads to tags behind the clusters."""
    head_length = 4 + 4 + (2 + 4 + 2 + 4 + 4 + 2 + 4 + 4)
    place = struct.pack(">I", head_length + len(CLUSTER))
    seek = element(0x4DBB, element(0x53AB, bytes.fromhex("1254C367")), element(0x53AC, place))
    return EBML + element(0x18538067, element(0x114D9B74, seek), CLUSTER, tags(texts))


def webm_streamed(texts: Texts) -> bytes:
    """Return a film as it is written live: nothing tells its length."""
    cluster = bytes.fromhex("1F43B675") + _UNKNOWN + CLUSTER[8:]
    return EBML + bytes.fromhex("18538067") + _UNKNOWN + cluster * 3 + tags(texts)


def comments(texts: Texts) -> bytes:
    """Return a list of Vorbis comments."""
    lines = [f"{key}={text}".encode() for key, text in texts.items()]
    head = struct.pack("<I", 3) + b"abc" + struct.pack("<I", len(texts))
    return head + b"".join(struct.pack("<I", len(line)) + line for line in lines)


STREAM_INFO = b"\0" + (34).to_bytes(3, "big") + bytes(34)


def flac(texts: Texts) -> bytes:
    """Return a FLAC without sound."""
    block = comments(texts)
    padding = b"\x81" + (8).to_bytes(3, "big") + bytes(8)
    return b"fLaC" + STREAM_INFO + b"\x04" + len(block).to_bytes(3, "big") + block + padding


def _checksum_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x04C11DB7 if value >> 31 else 0)
            value &= 0xFFFFFFFF
        table.append(value)
    return table


_CHECKSUMS = _checksum_table()


def checksum(page: bytes) -> int:
    """Return the checksum of an Ogg page whose own field is 0, bit by bit as RFC 3533 says."""
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _CHECKSUMS[value >> 24 ^ byte]
    return value


def pages(packets: list[bytes], serial: int = 7, *, is_sealed: bool = True) -> bytes:
    """Return packets as Ogg pages of at most 255 pieces, each packet on pages of its own.

    Without ``is_sealed`` the checksums stay 0, which is quick.
    """
    made = []
    for place, packet in enumerate(packets):
        pieces = [packet[at : at + 255] for at in range(0, len(packet) + 1, 255)]
        for at in range(0, len(pieces), 255):
            own = pieces[at : at + 255]
            flags = (1 if at else 0) | (2 if not made else 0)
            is_end = len(own[-1]) < 255
            time = 960 * max(0, place - 2) if is_end else -1
            head = b"OggS" + struct.pack("<BBqII", 0, flags, time, serial, len(made))
            lengths = bytes(len(piece) for piece in own)
            rest = bytes([len(lengths)]) + lengths + b"".join(own)
            seal = checksum(head + bytes(4) + rest) if is_sealed else 0
            made.append(head + struct.pack("<I", seal) + rest)
    return b"".join(made)


def ogg(texts: Texts) -> bytes:
    """Return an Ogg Vorbis file."""
    return pages([b"\x01vorbis" + bytes(23), b"\x03vorbis" + comments(texts) + b"\x01", b"\x05"])


def opus(texts: Texts) -> bytes:
    """Return an Opus file."""
    return pages([b"OpusHead" + bytes(11), b"OpusTags" + comments(texts), bytes(40)])


def ogg_flac(texts: Texts) -> bytes:
    """Return FLAC in Ogg."""
    block = comments(texts)
    head = b"\x7fFLAC\x01\0\0\x01fLaC" + STREAM_INFO
    return pages([head, b"\x84" + len(block).to_bytes(3, "big") + block, bytes(9)])


def syncsafe(value: int) -> bytes:
    """Return a length of seven bits a byte."""
    return bytes(value >> shift & 127 for shift in (21, 14, 7, 0))


MP3_SOUND = b"\xff\xfb\x90\x00" + bytes(413)


def mp3(texts: Texts, version: int = 3, encoding: int = 1) -> bytes:
    """Return an MP3 with texts of the user in its tag."""
    codec = {0: "latin-1", 1: "utf-16", 3: "utf-8"}[encoding]
    end = b"\0\0" if encoding == 1 else b"\0"
    frames = b""
    for key, text in texts.items():
        content = bytes([encoding]) + key.encode(codec) + end + text.encode(codec) + end
        length = syncsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
        if version == 2:
            frames += b"TXX" + len(content).to_bytes(3, "big") + content
        else:
            frames += b"TXXX" + length + b"\0\0" + content
    frames += bytes(20)
    return b"ID3" + bytes([version, 0, 0]) + syncsafe(len(frames)) + frames + MP3_SOUND


def mp3_latin(texts: Texts) -> bytes:
    """Return an MP3 with a tag of version 2.4 in one-byte letters."""
    return mp3(texts, 4, 0)


def mp3_old(texts: Texts) -> bytes:
    """Return an MP3 with a tag of version 2.2."""
    return mp3(texts, 2, 3)


def mp3_plain_frames(texts: Texts) -> bytes:
    """Return an MP3 whose plain text frames hold key and text."""
    frames = b""
    for name, (key, text) in zip((b"TIT3", b"TXYZ"), texts.items(), strict=True):
        content = b"\x03" + f"{key}\0{text}\0".encode()
        frames += name + syncsafe(len(content)) + b"\0\0" + content
    return b"ID3\x04\0\0" + syncsafe(len(frames)) + frames + MP3_SOUND


def glb(texts: Texts) -> bytes:
    """Return a GLB with a chunk of data."""
    made = json.dumps({"asset": {"version": "2.0", "extras": dict(texts)}, "nodes": []}).encode()
    made += b" " * (-len(made) % 4)
    chunks = struct.pack("<II", len(made), 0x4E4F534A) + made
    chunks += struct.pack("<II", 4, 0x004E4942) + bytes(4)
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def safetensors(texts: Texts) -> bytes:
    """Return weights with one tensor."""
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"__metadata__": dict(texts), "a": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def latent(texts: Texts) -> bytes:
    """Return a saved latent."""
    tensors = {
        "latent_tensor": {"dtype": "F32", "shape": [1, 4, 1, 1], "data_offsets": [0, 16]},
        "latent_format_version_0": {"dtype": "F32", "shape": [0], "data_offsets": [16, 16]},
    }
    header = json.dumps({"__metadata__": dict(texts), **tensors}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + struct.pack("<4f", 1, 2, 3, 4)


def svg(texts: Texts) -> bytes:
    """Return a drawing with a metadata element."""
    body = json.dumps(dict(texts)).replace("]]>", "]]]]><![CDATA[>")
    return (
        '<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg">'
        f"<metadata><![CDATA[ {body} ]]></metadata><g/></svg>\n"
    ).encode()


def svg_escaped(texts: Texts) -> bytes:
    """Return a drawing whose metadata element uses entities."""
    import html

    body = html.escape(json.dumps({key: json.loads(text) for key, text in texts.items()}))
    return f"<svg><metadata id='m'>{body}</metadata></svg>".encode()


def gif(texts: Texts) -> bytes:
    """Return a GIF of Pillow with a JSON object in its comment."""
    return picture("GIF", comment=json.dumps(dict(texts)).encode())


def gif_by_hand(texts: Texts) -> bytes:
    """Return a GIF with one comment a text, in blocks of 255 bytes."""
    made = []
    for key, text in texts.items():
        content = f"{key}:{text}".encode()
        blocks = [content[at : at + 255] for at in range(0, len(content), 255)]
        made += [b"\x21\xfe", *(bytes([len(block)]) + block for block in blocks), b"\0"]
    plain = picture("GIF")
    return b"GIF89a" + plain[6:-1] + b"".join(made) + b";"


def avif(texts: Texts) -> bytes:
    """Return an AVIF of Pillow."""
    return picture("AVIF", exif=pillow_exif(texts))


def avif_user_comment(texts: Texts) -> bytes:
    """Return an AVIF of Pillow with one JSON object in the comment of the user."""
    exif = Image.Exif()
    body = json.dumps({key: json.loads(text) for key, text in texts.items()})
    exif[0x8769] = {0x9286: b"ASCII\0\0\0" + body.encode()}
    return picture("AVIF", exif=exif.tobytes())


def avif_in_data_box(texts: Texts) -> bytes:
    """Return an AVIF, built by hand, whose EXIF item lies in the data box of ``meta``."""
    item = bytes(4) + pillow_exif(texts).removeprefix(b"Exif\0\0")
    half = len(item) // 2
    entry = box(b"infe", b"\x02\0\0\0", struct.pack(">HH", 1, 0), b"Exif\0")
    extents = struct.pack(">HIIII", 2, 0, half, half, len(item) - half)
    places = struct.pack(">BBHHHHH", 0x44, 0x40, 1, 1, 1, 0, 0)[:2]
    places += struct.pack(">HHHH", 1, 1, 1, 0) + struct.pack(">I", 0) + extents
    meta = box(
        b"meta",
        bytes(4),
        box(b"iinf", bytes(4), struct.pack(">H", 1), entry),
        box(b"iloc", b"\x01\0\0\0", places),
        box(b"idat", item),
    )
    return box(b"ftyp", b"avif", bytes(4), b"avifmif1") + meta + MDAT


def jpeg(texts: Texts) -> bytes:
    """Return a JPEG of Pillow."""
    return picture("JPEG", exif=pillow_exif(texts))


def jpeg_comment(texts: Texts) -> bytes:
    """Return a JPEG with the texts in its comments, long ones over several segments."""
    plain = picture("JPEG")
    made = []
    for key, text in texts.items():
        content = f"{key}:{text}".encode()
        for at in range(0, len(content), 65533):
            part = content[at : at + 65533]
            made.append(b"\xff\xfe" + struct.pack(">H", len(part) + 2) + part)
    return plain[:2] + b"".join(made) + plain[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png_with(*chunks: bytes) -> bytes:
    """Return a PNG with chunks behind its header."""
    plain = picture("PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def png_compressed(texts: Texts) -> bytes:
    """Return a PNG with its texts compressed: one as ``zTXt``, the others as ``iTXt``."""
    chunks = []
    for number, (key, text) in enumerate(texts.items()):
        body = zlib.compress(text.encode())
        kind, head = (b"iTXt", b"\0\1\0en\0\0") if number else (b"zTXt", b"\0\0")
        chunks.append(png_chunk(kind, key.encode() + head + body))
    return png_with(*chunks)


def png(texts: Texts) -> bytes:
    """Return a PNG of Pillow."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return picture("PNG", pnginfo=info)


def webp(texts: Texts) -> bytes:
    """Return a WebP of Pillow."""
    return picture("WEBP", exif=pillow_exif(texts))


MAKERS: dict[str, Callable[[Texts], bytes]] = {
    maker.__name__: maker
    for maker in (
        png, png_compressed, webp, jpeg, jpeg_comment, avif, avif_user_comment, avif_in_data_box,
        gif, gif_by_hand, svg, svg_escaped, mp4, mov, mp4_with_comment, mp4_fragments, webm,
        webm_found_by_list, webm_streamed, flac, mp3, mp3_latin, mp3_old, mp3_plain_frames, ogg,
        opus, ogg_flac, glb, safetensors, latent,
    )
}  # fmt: skip
"""What makes a file with texts, by the name of the container."""
