"""Model files that nobody trusts: code inside, damage, and things that are no models."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from app.engine.errors import ModelFileError
from app.engine.models.embeddings import load_embedding
from app.engine.models.taesd import TinyDecoder
from app.engine.models.weights import MAX_HEADER_BYTES, read_metadata, read_weights

MINE = "evil.ckpt"
"""Name of the hostile file; it is put into every folder of models."""


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self):
        return (os.mkdir, (self.mark,))


class LatePayload(Payload):
    """Makes it through ``eval``, as attackers do."""

    def __reduce__(self):
        return (eval, (f"__import__('os').mkdir({self.mark!r})",))


def zipped(path: Path, payload: Payload) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1), "b": payload}}, path)


def legacy(path: Path, payload: Payload) -> None:
    torch.save({"a": payload}, path, _use_new_zipfile_serialization=False)


def bare(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload, protocol=2))


def at_the_end(path: Path, payload: Payload) -> None:
    """Weights that look right, and the payload behind them."""
    torch.save({"weights": {f"w{i}": torch.zeros(4) for i in range(50)}, "z": payload}, path)


FORMS = {form.__name__: form for form in (zipped, legacy, bare, at_the_end)}


def test_the_payloads_work_where_nobody_takes_care(tmp_path):
    """A payload that does nothing would prove nothing."""
    for name, form in FORMS.items():
        for kind in (Payload, LatePayload):
            mark = tmp_path / f"{name}_{kind.__name__}"
            form(tmp_path / "x.ckpt", kind(mark))
            loader = pickle.load if name == "bare" else torch.load
            careless = {} if name == "bare" else {"weights_only": False}
            with open(tmp_path / "x.ckpt", "rb") as stream:
                loader(stream, **careless)
            assert mark.exists(), (name, kind)


@pytest.fixture(scope="module")
def places(base_dir, engine):
    """Return where the hostile file lies: one path in each kind of model folder."""
    import folder_paths

    found = []
    for kind, (folders, endings) in folder_paths.folder_names_and_paths.items():
        if kind == "custom_nodes" or not ({".ckpt"} & set(endings) or not endings):
            continue
        folder = Path(folders[0])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MINE).write_bytes(b"")
        found.append(folder / MINE)
    # One loader wants a description beside the file.
    configs = Path(folder_paths.get_folder_paths("configs")[0])
    configs.mkdir(parents=True, exist_ok=True)
    (configs / "v1-inference.yaml").write_text("model:\n  params: {}\n")
    return found


def loader_inputs(engine, places):
    """Return each node that offers the file, with the inputs that name it."""
    found = {}
    for name, info in engine.object_info().items():
        inputs = {}
        for section in ("required", "optional"):
            for key, declared in info["input"].get(section, {}).items():
                choices = declared[0]
                if choices == "COMBO":
                    choices = declared[1].get("options", [])
                if isinstance(choices, list) and MINE in choices:
                    inputs[key] = MINE
        if inputs:
            found[name] = inputs
    return found


def call_with(engine, name, chosen):
    """Call a node as the engine would; what it needs from other nodes is None."""
    cls = engine.registry.classes[name]
    arguments = dict(chosen)
    for key, declared in engine.object_info(name)[name]["input"].get("required", {}).items():
        if key in arguments:
            continue
        kind, options = declared[0], (declared[1] if len(declared) > 1 else {})
        if isinstance(kind, list):
            arguments[key] = kind[0] if kind else ""
        else:
            arguments[key] = options.get("default")
    if hasattr(cls, "define_schema"):
        return cls.execute(**arguments)
    return getattr(cls(), cls.FUNCTION)(**arguments)


EXPECTED_LOADERS = {
    "CheckpointLoaderSimple", "UNETLoader", "CLIPLoader", "DualCLIPLoader", "VAELoader",
    "CLIPVisionLoader", "LoraLoader", "LoraLoaderModelOnly", "ControlNetLoader",
    "UpscaleModelLoader",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_file_with_code_is_refused_by_every_loader_node_and_never_runs(
    engine, places, tmp_path, form
):
    mark = tmp_path / "ran"
    for place in places:
        FORMS[form](place, LatePayload(mark))
    loaders = loader_inputs(engine, places)
    assert set(loaders) >= EXPECTED_LOADERS

    for name, chosen in loaders.items():
        with pytest.raises(ModelFileError, match=rf"{MINE}.*run code"):
            call_with(engine, name, chosen)
        assert not mark.exists(), name


def test_a_torch_script_is_refused(engine, places):
    for place in places:
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("m/constants.pkl", b"\x80\x02).")
            archive.writestr("m/code/__torch__.py", b"def f(): pass")
            archive.writestr("m/data.pkl", b"\x80\x02).")
            archive.writestr("m/version", b"3\n")

    for name, chosen in loader_inputs(engine, places).items():
        with pytest.raises(ModelFileError, match=MINE):
            call_with(engine, name, chosen)


@pytest.mark.parametrize("form", FORMS)
def test_embeddings_and_preview_decoders_with_code_are_left_out(tmp_path, form, caplog):
    mark = tmp_path / "ran"
    FORMS[form](tmp_path / "evil.pt", LatePayload(mark))

    assert load_embedding("evil", [tmp_path], 768, "clip_l") is None
    with pytest.raises(ModelFileError, match=r"evil\.pt"):
        TinyDecoder(tmp_path / "evil.pt")

    assert "evil" in caplog.text
    assert not mark.exists()


def test_the_queue_goes_on_after_a_file_with_code(engine, places, base_dir, tmp_path):
    mark = tmp_path / "ran"
    for place in places:
        zipped(place, Payload(mark))
    text = {"class_type": "PreviewAny", "inputs": {"source": "still here"}}
    bad = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": MINE}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    engine.submit(bad)
    engine.submit({"1": text})

    refused, fine = engine.run_next(), engine.run_next()

    assert refused.error["exception_type"].endswith("ModelFileError")
    assert "run code from the file" in refused.error["exception_message"]
    assert fine.error is None
    assert not mark.exists()


def header(entries, length=None):
    """Return a safetensors header, perhaps with a length that is not its own."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def entry(first, last, dtype="F32", shape=(4,)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [first, last]}


GOOD = save({"a": torch.zeros(4), "b": torch.ones(4)})

DAMAGED = {
    "empty": (b"", "empty|only 0 bytes"),
    "seven bytes": (b"\0" * 7, "only 7 bytes"),
    "cut in the header": (GOOD[:30], "header claims"),
    "cut in the data": (GOOD[:-1], "not complete"),
    "a header longer than the file": (header({}, 10**6), "header claims 1000000 bytes"),
    "a huge header": (header({}, 2**64 - 1), "header claims 18446744073709551615 bytes"),
    "a header that would be negative": (header({}, 2**63), "header claims"),
    "a header that is no JSON": (header(b"{broken json"), "header cannot be read"),
    "a header that is no UTF-8": (header(b'{"\xff\xfe": 1}'), "header cannot be read"),
    "a header of brackets": (header(b"[" * 200_000), "header cannot be read"),
    "a header that is a list": (header([1, 2]), "not a list of tensors"),
    "metadata that are a text": (header({"__metadata__": "x"}), "not a list of tensors"),
    "data beyond the end": (header({"a": entry(0, 16)}) + b"\0" * 15, "not complete"),
    "data far beyond the end": (header({"a": entry(0, 2**62, shape=[2**60])}), "not complete"),
    "an end before the begin": (header({"a": entry(16, 0)}) + b"\0" * 16, "ends before"),
    "a negative place": (header({"a": entry(-16, 0)}) + b"\0" * 16, "no place"),
    "a broken place": (header({"a": entry(0.0, 16.0)}) + b"\0" * 16, "no place"),
    "three offsets": (
        header({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8, 16]}}) + b"\0" * 16,
        "no place",
    ),
    "no place": (header({"a": {"dtype": "F32", "shape": [4]}}), "no place"),
    "a negative shape": (header({"a": entry(0, 16, shape=[-4])}) + b"\0" * 16, "no place"),
    "a shape of texts": (header({"a": entry(0, 16, shape=["4"])}) + b"\0" * 16, "no place"),
    "an entry that is a number": (header({"a": 1}), "no place"),
    "tensors on top of each other": (
        header({"a": entry(0, 16), "b": entry(8, 24)}) + b"\0" * 24,
        "lies on top of another",
    ),
    "a type of another size": (
        header({"a": entry(0, 16, dtype="F16")}) + b"\0" * 16,
        "should take 8 bytes, not 16",
    ),
    "a shape of another size": (
        header({"a": entry(0, 16, shape=[4, 4])}) + b"\0" * 16,
        "should take 64 bytes, not 16",
    ),
    "an unknown type": (header({"a": entry(0, 16, dtype="F4096")}) + b"\0" * 16, "damaged"),
    "a gap between tensors": (
        header({"a": entry(0, 16), "b": entry(32, 48)}) + b"\0" * 48,
        "damaged",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_safetensors_file_is_named_with_what_is_wrong(tmp_path, name):
    content, words = DAMAGED[name]
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=words) as caught:
        read_weights(path)

    assert '"broken.safetensors"' in str(caught.value)
    if "place" not in words and "damaged" not in words:
        with pytest.raises(ModelFileError):
            read_metadata(path)


def test_a_header_over_the_limit_is_not_even_read(tmp_path):
    path = tmp_path / "long.safetensors"
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        stream.truncate(MAX_HEADER_BYTES + 100)

    with pytest.raises(ModelFileError, match="header claims"):
        read_weights(path)


def test_good_files_are_read_whatever_order_their_tensors_have(tmp_path):
    data = torch.arange(8.0)
    parts = {"late": entry(16, 32), "early": entry(0, 16), "none": entry(32, 32, shape=[0, 3])}
    path = tmp_path / "good.safetensors"
    path.write_bytes(header(parts) + data.numpy().tobytes())

    tensors = read_weights(path).tensors

    assert torch.equal(tensors["early"], data[:4])
    assert torch.equal(tensors["late"], data[4:])
    assert tensors["none"].shape == (0, 3)


def torch_file(is_zip=True):
    stream = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, stream, _use_new_zipfile_serialization=is_zip)
    return stream.getvalue()


def plain_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.safetensors", GOOD)
    return stream.getvalue()


PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + b"\0" * 64
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
NOT_MODELS = {
    "png": (PNG, "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + b"\0" * 64, "a JPEG picture"),
    "web page": (b"<!DOCTYPE html>\n<html><title>403</title></html>", "a web page"),
    "web page in small letters": (b"\n\n  <html><body>Sign in</body></html>", "a web page"),
    "web page with a mark": (b"\xef\xbb\xbf<HTML>please log in</HTML>", "a web page"),
    "error of a shop": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web"),
    "json": (b'{"error": "not found, please log in first"}', "a text file"),
    "git lfs pointer": (LFS, "only a Git LFS pointer"),
    "text": (b"This is a list of models that I like.\n", "a text file"),
    "zip": (plain_zip(), "an archive without weights"),
    "gguf": (b"GGUF" + b"\0" * 64, "a GGUF file"),
    "pdf": (b"%PDF-1.7" + b"\0" * 64, "a PDF document"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 64, "a 7z archive"),
}


@pytest.mark.parametrize("ending", ["safetensors", "ckpt", "pth", "bin"])
@pytest.mark.parametrize("name", NOT_MODELS)
def test_a_file_that_is_no_model_says_what_it_is(tmp_path, name, ending):
    content, words = NOT_MODELS[name]
    path = tmp_path / f"model.{ending}"
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=words) as caught:
        read_weights(path)

    assert f'"model.{ending}" is not a model' in str(caught.value)


def test_a_torch_file_with_the_wrong_ending_says_how_to_name_it(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(torch_file())
    (tmp_path / "m.ckpt").write_bytes(GOOD)

    with pytest.raises(ModelFileError, match=r"torch file with the wrong ending.*\.ckpt"):
        read_weights(tmp_path / "m.safetensors")
    assert set(read_weights(tmp_path / "m.ckpt").tensors) == {"a", "b"}


@pytest.mark.parametrize("name", ["png", "web page", "git lfs pointer"])
def test_every_loader_node_says_what_a_file_is(engine, places, name):
    content, words = NOT_MODELS[name]
    for place in places:
        place.write_bytes(content)

    for node, chosen in loader_inputs(engine, places).items():
        with pytest.raises(ModelFileError, match=words):
            call_with(engine, node, chosen)


SEEDS = {
    "safetensors": GOOD,
    "ckpt": torch_file(),
    "pt": torch_file(is_zip=False),
    "bin": pickle.dumps({"a": [1, 2, {"b": (3,)}]}, 2),
}


def mutated(content, rng):
    """Return a file with a few bytes changed, put in, taken out or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(data))
        kind = rng.random()
        if kind < 0.6:
            data[place] = rng.randrange(256)
        elif kind < 0.75:
            del data[place:]
        elif kind < 0.9:
            data[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            del data[place : place + rng.randrange(1, 20)]
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("ending", SEEDS)
def test_damage_of_any_kind_is_a_sentence_or_does_no_harm(tmp_path, ending):
    rng = random.Random(ending)
    path = tmp_path / f"m.{ending}"
    refused = 0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(150):
            path.write_bytes(mutated(SEEDS[ending], rng))
            try:
                read_weights(path)
            except ModelFileError:
                refused += 1

    assert refused > 50
