"""Texts written into a file of every container, and everything else in it left alone.

The files are built byte by byte to their standards (or by Pillow), and what must not change is
looked for by readers of the tests' own.
"""

from __future__ import annotations

import io
import json
import random
import struct

import media_files as media
import media_parts as parts
import pytest
from PIL import Image

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata import exif, limits, read_file_texts, read_texts, write_texts
from app.engine.workflow.reader import open_workflow

_NOTE = {"id": 7, "type": "Note", "title": "é漢"}
_PROMPT = {"3": {"class_type": "KSampler", "inputs": {"text": "a:b {c} ]]> \\ é"}}}
_TEXTS = {
    "prompt": json.dumps(_PROMPT),
    "workflow": json.dumps({"version": 0.4, "nodes": [_NOTE], "links": []}),
}
_SECRET = "only the artist knows this"
_SECRETS = {
    "prompt": json.dumps({**_PROMPT, "4": {"class_type": _SECRET, "inputs": {"t": "é" * 70_000}}}),
    "workflow": json.dumps({"version": 0.4, "nodes": [], "extra": {"f": _SECRET * 10_000}}),
}


def _animation(kind: str, **more: object) -> bytes:
    pictures = [Image.new("RGB", (16, 8), (40 * n, 0, 0)) for n in range(3)]
    stream = io.BytesIO()
    pictures[0].save(
        stream, kind, save_all=True, append_images=pictures[1:], duration=90, loop=0, **more
    )
    return stream.getvalue()


def _camera_exif() -> bytes:
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0112] = "Canon", "EOS: 5", 6
    block[0x8769] = {0x829A: 0.5, 0x9286: b"ASCII\0\0\0my holiday"}
    return block.tobytes()


_ALL = {
    "PNG": (lambda: media.picture("PNG"), parts.png),
    "animated PNG": (lambda: _animation("PNG"), parts.png),
    "WebP": (lambda: media.picture("WEBP"), parts.webp),
    "lossless WebP": (lambda: media.picture("WEBP", lossless=True), parts.webp),
    "animated WebP": (lambda: _animation("WEBP", lossless=True), parts.webp),
    "JPEG": (lambda: media.picture("JPEG", dpi=(72, 72), icc_profile=b"p" * 90), parts.jpeg),
    "JPEG of a camera": (lambda: media.picture("JPEG", exif=_camera_exif()), parts.jpeg),
    "AVIF": (lambda: media.picture("AVIF", icc_profile=b"p" * 90, xmp=b"<x/>"), parts.avif),
    "AVIF of a camera": (lambda: media.picture("AVIF", exif=_camera_exif()), parts.avif),
    "animated AVIF": (lambda: _animation("AVIF"), parts.avif),
    "GIF": (lambda: media.picture("GIF"), parts.gif),
    "animated GIF": (lambda: _animation("GIF"), parts.gif),
    "SVG": (lambda: b'<?xml version="1.0"?>\n<svg a="x>y"><g b="1"/></svg>\n', parts.svg),
    "SVG without content": (lambda: b"<svg width='1'/>", parts.svg),
    "MP4": (media.film, parts.film),
    "MP4 with its index last": (lambda: media.film(is_index_last=True), parts.film),
    "MP4 with long places": (lambda: media.film(b"co64"), parts.film),
    "MP4 in fragments": (media.film_in_fragments, parts.fragments),
    "MOV": (lambda: media.film().replace(b"isom", b"qt  "), parts.film),
    "MOV in fragments": (
        lambda: media.film_in_fragments().replace(b"iso5", b"qt  "), parts.fragments,
    ),
    "WebM": (lambda: media.webm_found_by_list({}), parts.webm),
    "live WebM": (lambda: media.webm_streamed({}), parts.webm),
    "FLAC": (lambda: media.flac({}) + b"\xff\xf8sound", parts.flac),
    "MP3": (lambda: media.MP3_SOUND, parts.mp3),
    "MP3 with a tag": (lambda: media.mp3({"artist": "A"}, 3, 1), parts.mp3),
    "MP3 with an old tag": (lambda: media.mp3({"artist": "A"}, 2, 1), parts.mp3),
    "OGG Vorbis": (lambda: _ogg(), parts.ogg),
    "Opus": (lambda: media.opus({}), parts.ogg),
    "FLAC in OGG": (lambda: media.ogg_flac({}), parts.ogg),
    "GLB": (lambda: media.glb({}), parts.glb),
    "safetensors": (lambda: media.safetensors({"format": "pt"}), parts.tensors),
    ".latent": (lambda: media.latent({}), parts.tensors),
}  # fmt: skip


def _ogg() -> bytes:
    setup = b"\x05vorbis" + bytes(range(200)) * 20
    packets = [b"\x01vorbis" + bytes(23), b"\x03vorbis" + media.comments({}) + b"\x01", setup]
    return media.pages([*packets, b"s" * 700, b"t" * 255, b"u" * 70_000])


@pytest.mark.parametrize("name", _ALL)
def test_texts_written_here_are_read_here_and_open_as_the_workflow(name, tmp_path):
    data = _ALL[name][0]()
    path = tmp_path / "file.bin"

    path.write_bytes(write_texts(data, _TEXTS))

    found = read_file_texts(path)
    assert {key: found[key] for key in _TEXTS} == _TEXTS
    assert found.keys() - _TEXTS.keys() == read_texts(data).keys() - _TEXTS.keys()
    assert open_workflow(path).root.nodes["7"].raw == _NOTE


@pytest.mark.parametrize("texts", [_TEXTS, _SECRETS], ids=["short", "long"])
@pytest.mark.parametrize("name", _ALL)
def test_everything_but_the_texts_stays_as_it_was(name, texts):
    make, rest = _ALL[name]
    data = make()

    written = write_texts(data, texts)

    assert rest(written) == rest(data)
    assert rest(write_texts(written, _TEXTS)) == rest(data)
    assert rest(data)


@pytest.mark.parametrize("name", _ALL)
def test_writing_again_leaves_no_trace_of_what_was_there(name):
    data = _ALL[name][0]()
    once = write_texts(data, _TEXTS)

    again = write_texts(write_texts(data, _SECRETS), _TEXTS)

    assert _SECRET.encode() not in again
    assert _SECRET.encode("utf-16-le") not in again
    assert {key: read_texts(again)[key] for key in _TEXTS} == _TEXTS
    # The room that longer texts took may stay, but does not grow.
    assert len(write_texts(write_texts(again, _SECRETS), _TEXTS)) <= max(len(again), len(once))


@pytest.mark.parametrize("name", sorted(media.MAKERS))
def test_texts_of_another_program_are_replaced(name):
    short = {
        "prompt": _TEXTS["prompt"],
        "workflow": json.dumps({"version": 0.4, "nodes": [], "extra": _SECRET}),
    }
    data = media.MAKERS[name](short)
    assert json.loads(read_texts(data)["workflow"])["extra"] == _SECRET

    written = write_texts(data, _TEXTS)

    assert read_texts(written) == _TEXTS
    assert _SECRET.encode() not in written
    assert _SECRET.encode("utf-16-le") not in written


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "WEBP"])
def test_what_a_camera_wrote_stays(kind):
    plain = media.picture(kind, exif=_camera_exif())

    for data in (write_texts(plain, _TEXTS), write_texts(write_texts(plain, _SECRETS), _TEXTS)):
        with Image.open(io.BytesIO(data)) as image:
            block = image.getexif()
            assert (block[0x010F], block[0x0110], block[0x0112]) == ("Canon", "EOS: 5", 6)
            inner = block.get_ifd(0x8769)
            assert (inner[0x829A], inner[0x9286]) == (0.5, b"ASCII\0\0\0my holiday")
        assert {key: read_texts(data)[key] for key in _TEXTS} == _TEXTS


@pytest.mark.parametrize("order", ["<", ">"])
def test_fields_of_an_exif_block_keep_their_places(order):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = [
        struct.pack(f"{order}HHII", 0x0110, 2, 9, 50),
        struct.pack(f"{order}HHII", 0x011A, 5, 1, 60),
    ]
    head = mark + struct.pack(f"{order}IH", 8, 2) + b"".join(entries) + bytes(4)
    block = head.ljust(50, b"\0") + b"Camera 1\0\0" + struct.pack(f"{order}II", 72, 1)

    written = exif.replace_texts(exif.replace_texts(block, {"extra": "e" * 99}), _TEXTS)
    bare = exif.replace_texts(written, {}, ["extra", *_TEXTS])

    for made, held in ((written, {"extra": "e" * 99, **_TEXTS}), (bare, {})):
        found = limits.Texts("x")
        exif.read_exif(made, found)
        assert found.found == held
        assert made[50:68] == block[50:68]
        loaded = Image.Exif()
        loaded.load(made)
        assert (loaded[0x0110], loaded[0x011A]) == ("Camera 1", 72)
    assert b"KSampler" not in bare


@pytest.mark.parametrize("fill", [0, 60_000, 65_000, 65_480])
def test_a_jpeg_with_a_full_exif_block_takes_texts_into_comments(fill):
    block = Image.Exif()
    block[0x010E] = "x" * fill
    data = media.picture("JPEG", exif=block.tobytes())

    written = write_texts(data, {**_TEXTS, "workflow": _SECRETS["workflow"]})
    again = write_texts(written, _TEXTS)

    assert read_texts(again) == _TEXTS
    assert parts.jpeg(again) == parts.jpeg(data)
    with Image.open(io.BytesIO(again)) as image:
        assert image.getexif()[0x010E] == "x" * fill


def test_comments_of_other_programs_stay():
    comment = b"CREATOR: a camera"
    jpeg = media.picture("JPEG", comment=comment)
    gif = media.picture("GIF", comment=comment)
    film = media.box(b"udta", media.box(b"\xa9cmt", struct.pack(">HH", 17, 0), comment))
    sound = media.flac({"COMMENT": comment.decode(), "TITLE": "t"})

    for data in (jpeg, gif, media.film(user_data=film), sound):
        written = write_texts(write_texts(data, _SECRETS), _TEXTS)
        assert written.count(comment) == 1
        assert {key: read_texts(written)[key] for key in _TEXTS} == _TEXTS


def test_titles_of_films_and_songs_stay():
    named = media.box(b"udta", media.mdta({"title": "T", "workflow": "[]"}))
    item = media.box(b"\xa9nam", media.box(b"data", struct.pack(">II", 1, 0), b"A title"))
    fixed = media.box(
        b"meta", bytes(4), media.box(b"hdlr", bytes(8), b"mdir", bytes(13)),
        media.box(b"ilst", item),
    )  # fmt: skip
    film = write_texts(media.film(user_data=media.box(b"udta", fixed)), _TEXTS)
    song = write_texts(media.mp3({"Künstler": "Bär", "prompt": "{}"}, 3, 1), _TEXTS)

    assert read_texts(write_texts(media.film(user_data=named), _TEXTS)) == {"title": "T", **_TEXTS}
    assert item in film
    assert read_texts(film) == _TEXTS
    assert read_texts(song) == {"künstler": "Bär", **_TEXTS}
    assert song[3] == 3


def test_drawings_keep_what_other_programs_tell_about_them():
    rdf = b"<metadata id='m'><rdf:RDF xmlns:rdf='r'/></metadata>"
    drawing = (
        b"\xef\xbb\xbf<!-- <svg> --><svg xmlns='http://www.w3.org/2000/svg'>" + rdf + b"</svg>"
    )

    written = write_texts(write_texts(drawing, {"prompt": "{}", "note": '"n"'}), _TEXTS)

    assert written.count(rdf) == 1
    assert written.count(b"<metadata>") == 1
    assert read_texts(written) == _TEXTS
    assert b'"note": "n"' in written


def test_in_a_film_of_ogg_the_sound_takes_the_texts():
    heads = media.pages([b"\x80theora"], 1) + media.pages([b"\x01vorbis"], 2)
    picture = media.pages(
        [b"\x80theora", b"\x81theora" + media.comments({"prompt": "{}"}), b"p"], 1
    )
    sound = media.pages([b"\x01vorbis", b"\x03vorbis" + media.comments({}) + b"\1", b"s"], 2)
    first = len(media.pages([b"\x80theora"], 1))
    film = heads + picture[first:] + sound[len(heads) - first :]

    written = write_texts(film, _SECRETS)

    assert parts.ogg(written) == parts.ogg(film)
    assert read_texts(written) == _SECRETS
    assert written.index(b"prompt=") > written.index(b"\x03vorbis")
    alone = media.pages([b"\x80theora", b"\x81theora" + media.comments({}), b"p"], 1)
    assert read_texts(write_texts(alone, _TEXTS)) == _TEXTS
    with pytest.raises(WorkflowFileError, match="no room for more"):
        write_texts(alone, _SECRETS)


def test_songs_one_behind_the_other_keep_their_numbers():
    one = _ogg()
    tags = b"OpusTags" + media.comments({"title": "second"})
    other = media.pages([b"OpusHead" + bytes(11), tags, bytes(40)], 9)

    for rest in (other, one):
        written = write_texts(one + rest, _SECRETS)
        assert written.startswith(write_texts(one, _SECRETS))
        assert written.endswith(rest)


def test_a_film_in_fragments_keeps_its_index_before_them():
    written = write_texts(media.film_in_fragments(), _SECRETS)

    assert [name for name, _, _ in parts.boxes(written)] == [
        b"ftyp", b"sidx", b"moov", b"moof", b"mdat", b"moof", b"mdat", b"mfra",
    ]  # fmt: skip


def test_places_that_do_not_fit_any_more_are_refused():
    film = media.film()
    at = film.index(b"stco") + 12
    far = film[:at] + b"\xff\xff\xff\xff" + film[at + 4 :] + media.box(b"moof")

    with pytest.raises(WorkflowFileError, match="Cannot write into this film: it has no room"):
        write_texts(far, _TEXTS)


@pytest.mark.parametrize("name", sorted(media.MAKERS))
def test_a_file_cut_off_is_not_written_or_still_holds_what_is_written(name):
    whole = media.MAKERS[name]({"prompt": "{}", "workflow": "[]"})
    messages = []

    for length in range(4, len(whole), 1 if len(whole) < 800 else 5):
        try:
            written = write_texts(whole[:length], _TEXTS)
            found = read_texts(written)
        except WorkflowFileError as error:
            messages.append(str(error))
        else:
            assert {key: found[key] for key in _TEXTS} == _TEXTS

    assert messages
    assert all(text.startswith(("Cannot open this ", "Cannot write into ")) for text in messages)


def test_files_of_other_kinds_and_endless_texts_are_refused():
    with pytest.raises(WorkflowFileError, match=r"^Cannot write into \"a.txt\": files of this"):
        write_texts(b"plain", _TEXTS, '"a.txt"')
    with pytest.raises(WorkflowFileError, match="longer than 64 MB"):
        write_texts(media.picture("PNG"), {"workflow": " " * (70 << 20)})
    with pytest.raises(WorkflowFileError, match="no room for more"):
        write_texts(media.flac({}), {"workflow": " " * (17 << 20)})


def test_a_damaged_part_that_would_hide_the_texts_is_refused():
    endless = struct.pack(">I", 0) + b"trak" + bytes(8)
    film = media.FTYP + media.box(b"moov", media.MVHD, endless) + media.MDAT

    with pytest.raises(WorkflowFileError, match="the file is damaged"):
        write_texts(film, _TEXTS)


@pytest.mark.parametrize("part", range(8))
def test_damaged_files_are_written_readably_or_refused_in_words(part):
    texts = {"prompt": "{}", "workflow": "[]"}
    whole = {
        **{name: make(texts) for name, make in media.MAKERS.items()},
        **{name: make() for name, (make, _) in _ALL.items()},
    }
    refused = 0
    for seed in range(part, 1600, 8):
        chance = random.Random(seed)
        data = bytearray(whole[chance.choice(list(whole))])
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(data))
            how = chance.randrange(4)
            if how == 0:
                data[at] = chance.choice((0, 0xFF, 0x7F, 0x80, chance.randrange(256)))
            elif how == 1:
                value = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data)))
                data[at : at + 4] = value.to_bytes(4, chance.choice(("big", "little")))
            elif how == 2:
                del data[at : at + chance.choice((1, 4, 30))]
            else:
                data[at:at] = data[at : at + chance.choice((1, 8, 40))]
            data = data or bytearray(b"x")
        try:
            written = write_texts(bytes(data), _TEXTS)
        except WorkflowFileError:
            refused += 1
            continue
        found = read_texts(written)
        assert {key: found[key] for key in _TEXTS} == _TEXTS, seed
    assert 20 < refused < 180
