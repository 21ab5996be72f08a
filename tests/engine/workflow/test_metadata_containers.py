"""Workflows in every container: built to the standards, written here, cut off, and hostile."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import zlib

import media_files as media
import pytest
from PIL import Image

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata import (
    Source,
    flac,
    gif,
    glb,
    id3,
    is_media,
    jpeg,
    limits,
    matroska,
    mp4,
    ogg,
    png,
    read_file_texts,
    read_texts,
    safetensors,
    svg,
    webp,
)
from app.engine.workflow.reader import open_workflow, read_workflow

_WORKFLOW = {"version": 0.4, "nodes": [{"id": 7, "type": "Note", "title": "é漢"}], "links": []}
_PROMPT = {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "text": "a:b {c} ]]> \\"}}}
_TEXTS = {"prompt": json.dumps(_PROMPT), "workflow": json.dumps(_WORKFLOW)}
_LONG = {
    "prompt": json.dumps({**_PROMPT, "4": {"class_type": "X", "inputs": {"t": "é" * 70_000}}}),
    "workflow": json.dumps({**_WORKFLOW, "extra": {"fill": "ab\\" * 60_000}}),
}

_CAN_HOLD_LONG = sorted(media.MAKERS.keys() - {"jpeg"})


def _parsed(texts: dict[str, str]) -> dict[str, object]:
    return {key: json.loads(texts[key]) for key in ("prompt", "workflow")}


_WRITERS = {
    "png": png.write_texts,
    "webp": webp.write_texts,
    "jpeg": jpeg.write_texts,
    "gif": gif.write_texts,
    "svg": svg.write_texts,
    "mp4": mp4.write_texts,
    "mov": mp4.write_texts,
    "webm": matroska.write_texts,
    "webm_streamed": matroska.write_texts,
    "flac": flac.write_texts,
    "mp3": id3.write_texts,
    "glb": glb.write_texts,
    "safetensors": safetensors.write_texts,
}
_BARE = {
    "png": lambda: media.picture("PNG"),
    "webp": lambda: media.picture("WEBP"),
    "jpeg": lambda: media.picture("JPEG"),
    "gif": lambda: media.picture("GIF"),
    "svg": lambda: b"<svg><g/></svg>",
    "mp4": lambda: media.FTYP + media.box(b"moov", media.MVHD) + media.MDAT,
    "mov": lambda: media.box(b"moov", media.MVHD) + struct.pack(">I4s", 0, b"mdat") + bytes(50),
    "webm": lambda: media.EBML + media.element(0x18538067, media.CLUSTER),
    "webm_streamed": lambda: media.webm_streamed({}),
    "flac": lambda: b"fLaC\x80" + media.STREAM_INFO[1:] + b"\xff\xf8sound",
    "mp3": lambda: media.MP3_SOUND,
    "glb": lambda: media.glb({}),
    "safetensors": lambda: media.safetensors({}),
}


@pytest.mark.parametrize("name", media.MAKERS)
def test_a_file_of_another_program_is_read(name):
    data = media.MAKERS[name](_TEXTS)

    assert is_media(data)
    assert _parsed(read_texts(data)) == _parsed(_TEXTS)
    assert [node.title for node in read_workflow(data).root.nodes.values()] == ["é漢"]


@pytest.mark.parametrize("name", _CAN_HOLD_LONG)
def test_a_long_workflow_is_read_from_disk(name, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(media.MAKERS[name](_LONG))

    texts = read_file_texts(path)

    assert texts is not None
    assert _parsed(texts) == _parsed(_LONG)


@pytest.mark.parametrize("texts", [_TEXTS, _LONG], ids=["short", "long"])
@pytest.mark.parametrize("name", _WRITERS)
def test_what_is_written_here_is_read_here(name, texts):
    data = _WRITERS[name](_BARE[name](), texts)

    assert read_texts(data) == texts


@pytest.mark.parametrize("name", sorted(_WRITERS.keys() - {"gif", "svg"}))
def test_writing_again_replaces_what_was_there(name):
    data = _WRITERS[name](_BARE[name](), _LONG)

    data = _WRITERS[name](data, _TEXTS)

    assert read_texts(data) == _TEXTS


@pytest.mark.parametrize("name", ["png", "webp", "jpeg", "gif"])
def test_a_picture_with_a_long_workflow_still_opens_as_a_picture(name):
    with Image.open(io.BytesIO(_BARE[name]())) as image:
        before = image.convert("RGB").tobytes()

    with Image.open(io.BytesIO(_WRITERS[name](_BARE[name](), _LONG))) as image:
        assert image.convert("RGB").tobytes() == before


def test_a_jpeg_keeps_its_other_segments_and_gives_the_workflow_the_exif_block():
    plain = media.picture("JPEG", dpi=(72, 72), icc_profile=b"profile" * 20)
    texts = {"prompt": _LONG["prompt"], "workflow": _TEXTS["workflow"]}

    data = jpeg.write_texts(plain, texts)

    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == b"profile" * 20
        assert image.info["dpi"] == (72, 72)
        assert image.getexif()[0x010F] == "workflow:" + _TEXTS["workflow"]
    assert read_texts(data) == texts


@pytest.mark.parametrize("length", [65533, 65534, 2 * 65533, 2 * 65533 + 1])
def test_a_comment_that_fills_its_segments_to_the_last_byte_is_read(length):
    fill = length - len('prompt:{"a": ""}')
    texts = {"prompt": '{"a": "' + "x" * fill + '"}', "workflow": '{"b": "' + "y" * 70_000 + '"}'}

    data = jpeg.write_texts(media.picture("JPEG"), texts)

    assert read_texts(data) == texts


def test_a_film_keeps_its_other_values_and_the_places_of_its_pictures():
    udta = media.box(b"udta", media.box(b"name", b"film"), media.mdta({"workflow": "old"}))
    film = media.FTYP + media.box(b"moov", media.MVHD, udta) + media.MDAT
    place = film.index(b"mdat")

    data = mp4.write_texts(film, _TEXTS)

    assert data.index(b"mdat") == place
    assert media.box(b"name", b"film") in data
    assert read_texts(data) == _TEXTS


def test_the_list_of_contents_leads_to_new_tags():
    film = matroska.write_texts(media.webm_found_by_list({"prompt": "{}"}), _TEXTS)

    segment = film.index(bytes.fromhex("18538067")) + 8
    field = film.index(bytes.fromhex("53AC")) + 6
    place = segment + int.from_bytes(film[field : field + 4], "big")
    assert film[place : place + 4] == bytes.fromhex("1254C367")


@pytest.mark.parametrize("room", [0, 40, 200])
def test_a_list_of_contents_grows_where_there_is_room(room):
    info = media.element(0x4DBB, media.element(0x53AB, bytes.fromhex("1549A966")),
                         media.element(0x53AC, b"\x01"))  # fmt: skip
    seek = media.element(0x4DBB, media.element(0x53AB, bytes.fromhex("1254C367")),
                         media.element(0x53AC, b"\xff"))  # fmt: skip
    empty = media.element(0xEC, bytes(room))
    head = media.element(0x114D9B74, info, seek)
    bare = media.EBML + media.element(0x18538067, head, empty, media.CLUSTER)

    film = matroska.write_texts(bare, _TEXTS)

    assert film.index(media.CLUSTER) == bare.index(media.CLUSTER)
    assert read_texts(film) == _TEXTS
    place = film.rindex(bytes.fromhex("1254C367")) - film.index(bytes.fromhex("114D9B74"))
    assert (place.to_bytes(8, "big") in film) is (room > 0)
    assert info in film


def test_comments_and_frames_of_others_stay():
    sound = flac.write_texts(media.flac({"TITLE": "t", "prompt": "old"}), _TEXTS)
    song = id3.write_texts(media.mp3({"title": "t", "prompt": "{}"}, 4, 3), _TEXTS)

    film = matroska.write_texts(media.webm_found_by_list({"encoder": "e", "prompt": "{}"}), _TEXTS)

    assert read_texts(film) == {"encoder": "e", **_TEXTS}
    assert read_texts(sound) == {"title": "t", **_TEXTS}
    assert read_texts(song) == {"title": "t", **_TEXTS}
    assert song.endswith(media.MP3_SOUND)


def test_a_flac_behind_an_id3_tag_is_read():
    tag = b"ID3\x04\0\0" + media.syncsafe(10) + bytes(10)

    assert read_texts(tag + media.flac(_TEXTS)) == _TEXTS
    assert read_texts(flac.write_texts(tag + media.flac({}), _TEXTS)) == _TEXTS


def test_an_ogg_film_with_two_streams_is_read():
    # The first packets of all streams come before the second one of any.
    heads = media.pages([b"\x80theora"], 1) + media.pages([b"\x01vorbis"], 2)
    picture = media.pages([b"\x81theora" + media.comments({}), b"\x82"], 1)
    sound = media.pages([b"\x03vorbis" + media.comments(_TEXTS), b"\x05"], 2)

    assert ogg.read(Source(heads + picture + sound)) == _TEXTS


def test_frames_with_every_flag_are_read():
    body = b"\x03workflow\0{}\0"
    packed = struct.pack(">I", len(body)) + zlib.compress(body)
    content = b"G" + media.syncsafe(len(body)) + zlib.compress(body)
    new = b"TXXX" + media.syncsafe(len(content)) + b"\0\x49" + content
    old = b"TXXX" + struct.pack(">I", len(packed)) + b"\0\x80" + packed
    locked = b"TXXX" + struct.pack(">I", 5) + b"\0\x40secret"[:7]

    for version, frames in ((4, new), (3, locked + old)):
        tag = b"ID3" + bytes([version, 0, 0]) + media.syncsafe(len(frames)) + frames
        assert read_texts(tag)["workflow"] == "{}"


@pytest.mark.parametrize(
    ("code", "codec"),
    [(b"ASCII\0\0\0", "utf-8"), (b"UNICODE\0", "utf-16"), (b"UNICODE\0", "utf-16-be"),
     (b"UNICODE\0", "utf-16-le"), (bytes(8), "utf-8")],
)  # fmt: skip
def test_settings_of_other_programs_are_found_in_the_comment_of_the_user(code, codec):
    text = "a cat\nNegative prompt: dog\nSteps: 12, Sampler: DPM++ 2M Karras, CFG scale: 5, Seed: 9"
    exif = Image.Exif()
    exif[0x8769] = {0x9286: code + text.encode(codec)}

    workflow = read_workflow(media.picture("JPEG", exif=exif.tobytes()))

    types = {node.type: node.get("widgets_values") for node in workflow.root.nodes.values()}
    assert types["KSampler"]["sampler_name"] == "dpmpp_2m"
    assert types["KSampler"]["scheduler"] == "karras"
    assert types["KSampler"]["steps"] == 12


def test_the_workflow_comes_before_the_prompt_and_that_before_the_settings():
    settings = "cat\nSteps: 3, Sampler: Euler, Size: 64x32, Model: m"
    bare = media.picture("PNG")

    def types(texts: dict[str, str]) -> list[str]:
        nodes = read_workflow(png.write_texts(bare, texts)).root.nodes
        return [node.type for node in nodes.values()]

    assert types({"parameters": settings, **_TEXTS}) == ["Note"]
    assert types({"parameters": settings, "prompt": _TEXTS["prompt"]}) == ["KSampler"]
    assert "EmptyLatentImage" in types({"parameters": settings})
    # Runs without a window write "null" for the workflow.
    assert types({"workflow": "null", "prompt": _TEXTS["prompt"]}) == ["KSampler"]


def test_of_a_huge_film_only_the_index_is_read(tmp_path):
    path = tmp_path / "film.mp4"
    length = 5 * 1024**3
    with path.open("wb") as stream:
        stream.write(media.FTYP + struct.pack(">I4sQ", 1, b"mdat", length))
        stream.seek(length - 16, os.SEEK_CUR)
        stream.write(media.box(b"moov", media.MVHD, media.box(b"udta", media.mdta(_TEXTS))))

    start = time.process_time()
    workflow = open_workflow(path)

    assert [node.type for node in workflow.root.nodes.values()] == ["Note"]
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("name", sorted(media.MAKERS))
def test_a_file_cut_off_is_refused_with_a_sentence_or_still_holds_its_workflow(name):
    whole = media.MAKERS[name](_TEXTS)
    messages = []
    found = []

    for length in range(1, len(whole), 1 if len(whole) < 1500 else 7):
        try:
            found.append(list(read_workflow(whole[:length], name="cut").root.nodes))
        except WorkflowFileError as error:
            messages.append(str(error))

    assert messages
    assert all(message.startswith('Cannot open "cut": ') for message in messages)
    assert all(nodes in (["7"], ["3"]) for nodes in found)


@pytest.mark.parametrize("name", sorted(media.MAKERS))
def test_a_file_cut_in_half_is_refused(name):
    whole = media.MAKERS[name](_TEXTS if name == "jpeg" else _LONG)

    with pytest.raises(WorkflowFileError, match=r'^Cannot open "half": '):
        read_workflow(whole[: len(whole) // 2], name="half")


@pytest.mark.parametrize("name", _CAN_HOLD_LONG)
def test_a_text_beyond_the_limit_is_refused_in_every_container(name, monkeypatch):
    data = media.MAKERS[name](_LONG)
    monkeypatch.setattr(limits, "MAX_TEXT_BYTES", 50_000)

    with pytest.raises(WorkflowFileError, match=r"^Cannot open this file: .* longer than"):
        read_texts(data)


@pytest.mark.parametrize(
    "data",
    [
        media.FTYP + media.box(b"free") * 100_001,
        b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\x01x" * 2_000_001,
        media.EBML + media.element(0xEC) * 100_001,
        b"fLaC" + bytes(4) * 100_001,
        b"ID3\x04\0\0" + media.syncsafe(1_100_011) + b"ABCD\0\0\0\0\0\0" * 110_001 + b" ",
        (b"OggS" + bytes(23)) * 100_001,
    ],
    ids=["mp4", "gif", "webm", "flac", "mp3", "ogg"],
)
def test_a_file_of_endless_parts_is_refused_soon(data):
    start = time.process_time()

    with pytest.raises(WorkflowFileError):
        read_texts(data)

    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    "data",
    [
        media.FTYP + struct.pack(">I4s", 4, b"moov") + bytes(8),
        media.EBML + b"\x01" * 20,
        media.EBML + b"\x18\x53\x80\x67\x84\x12\x54\xc3\x67",
        b"\xff\xd8\xff\xe1\x00\x01" + bytes(9),
        b"\xff\xd8\xff\xe0\x00\x02zz" + bytes(9),
        b"glTF" + struct.pack("<IIII", 2, 28, 8, 0x4E4F534A) + b"[1, 2, 3",
        b"glTF" + struct.pack("<IIII", 2, 22, 2, 0x4E4F534A) + b"[]",
        struct.pack("<Q", 100_000) + b'{"a":' * 20_000,
        struct.pack("<Q", 4) + b"{} x",
        b"OggS" + bytes(23) + b"RIFF",
        b"fLaC\x84\0\0\x08" + b"\xff" * 8,
        b"GIF89a" + bytes(7) + b"\x99" + bytes(9),
    ],
)
def test_damage_is_refused_with_a_sentence(data):
    with pytest.raises(WorkflowFileError, match=r"^Cannot open this file: the file is"):
        read_texts(data)


def test_deep_json_in_a_comment_is_refused_and_not_followed():
    bomb = '{"workflow":' * 100_000

    with pytest.raises(WorkflowFileError, match="carries no workflow"):
        read_workflow(media.picture("GIF", comment=bomb.encode()))


def test_entities_of_a_drawing_do_not_unfold():
    drawing = (
        b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b"<svg><metadata>&b;&b;</metadata></svg>"
    )

    with pytest.raises(WorkflowFileError):
        read_workflow(drawing, name="x")


@pytest.mark.parametrize("data", [b"", b"{}", b"<html></html>", b"plain", b"\0" * 100])
def test_other_files_are_no_media(data):
    assert not is_media(data)
    assert read_texts(data) == {}
