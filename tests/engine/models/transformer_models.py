"""Small random Flux, SD3 and T5 networks in the layout of their makers; see tests/data/flux."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from random_models import gaussian

DATA = Path(__file__).resolve().parents[2] / "data" / "flux"
FLUX = {"hidden": 96, "head": 32, "text": 80, "pooled": 48, "doubles": 2, "singles": 3}
MMDIT = {"hidden": 128, "text": 80, "pooled": 48, "blocks": 3, "places": 12}
T5 = {"words": 400, "width": 96, "heads": 4, "head": 32, "inner": 160, "blocks": 3}


def weight(name, shape):
    """Return the weight of that name; the scale keeps activations near one."""
    values = gaussian(name, shape)
    if name in ("pos_embed", "shared.weight") or name.endswith("relative_attention_bias.weight"):
        return values * 0.5
    if len(shape) == 1:
        return 0.1 * values + (0.0 if name.endswith("bias") else 1.0)
    return values / torch.tensor(shape[1:]).prod().item() ** 0.5


def fill(shapes):
    """Return the weights for a table of shapes."""
    return {name: weight(name, shape) for name, shape in shapes.items()}


def _linear(shapes, name, rows, columns):
    shapes[name + ".weight"] = (rows, columns)
    shapes[name + ".bias"] = (rows,)


def flux_shapes(guidance=True, channels=16, text=FLUX["text"], pooled=FLUX["pooled"]):
    """Return names and shapes of a small Flux network."""
    hidden, inner = FLUX["hidden"], 4 * FLUX["hidden"]
    shapes = {}
    _linear(shapes, "img_in", hidden, channels * 4)
    _linear(shapes, "txt_in", hidden, text)
    embedders = {"time_in": 256, "vector_in": pooled}
    for name, width in {**embedders, **({"guidance_in": 256} if guidance else {})}.items():
        _linear(shapes, name + ".in_layer", hidden, width)
        _linear(shapes, name + ".out_layer", hidden, hidden)
    for index in range(FLUX["doubles"]):
        for stream in ("img", "txt"):
            stem = f"double_blocks.{index}.{stream}"
            _linear(shapes, stem + "_mod.lin", 6 * hidden, hidden)
            _linear(shapes, stem + "_attn.qkv", 3 * hidden, hidden)
            _linear(shapes, stem + "_attn.proj", hidden, hidden)
            for part in ("query", "key"):
                shapes[f"{stem}_attn.norm.{part}_norm.scale"] = (FLUX["head"],)
            _linear(shapes, stem + "_mlp.0", inner, hidden)
            _linear(shapes, stem + "_mlp.2", hidden, inner)
    for index in range(FLUX["singles"]):
        stem = f"single_blocks.{index}."
        _linear(shapes, stem + "modulation.lin", 3 * hidden, hidden)
        _linear(shapes, stem + "linear1", 3 * hidden + inner, hidden)
        _linear(shapes, stem + "linear2", hidden, hidden + inner)
        for part in ("query", "key"):
            shapes[f"{stem}norm.{part}_norm.scale"] = (FLUX["head"],)
    _linear(shapes, "final_layer.adaLN_modulation.1", 2 * hidden, hidden)
    _linear(shapes, "final_layer.linear", 64, hidden)
    return shapes


def mmdit_shapes(norms=True, dual=(), text=MMDIT["text"], pooled=MMDIT["pooled"]):
    """Return names and shapes of a small SD3 network; ``dual`` blocks have a second attention."""
    hidden, inner, last = MMDIT["hidden"], 4 * MMDIT["hidden"], MMDIT["blocks"] - 1
    shapes = {
        "pos_embed": (1, MMDIT["places"] ** 2, hidden),
        "x_embedder.proj.weight": (hidden, 16, 2, 2),
        "x_embedder.proj.bias": (hidden,),
    }
    for name, width in (("t_embedder", 256), ("y_embedder", pooled)):
        _linear(shapes, name + ".mlp.0", hidden, width)
        _linear(shapes, name + ".mlp.2", hidden, hidden)
    _linear(shapes, "context_embedder", hidden, text)
    for index in range(MMDIT["blocks"]):
        for stream in ("context", "x"):
            stem = f"joint_blocks.{index}.{stream}_block."
            ends = stream == "context" and index == last
            twice = stream == "x" and index in dual
            parts = 2 if ends else 9 if twice else 6
            _linear(shapes, stem + "adaLN_modulation.1", parts * hidden, hidden)
            for attention in ("attn", "attn2") if twice else ("attn",):
                _linear(shapes, f"{stem}{attention}.qkv", 3 * hidden, hidden)
                for letter in "qk" if norms else "":
                    shapes[f"{stem}{attention}.ln_{letter}.weight"] = (64,)
                if not ends:
                    _linear(shapes, f"{stem}{attention}.proj", hidden, hidden)
            if not ends:
                _linear(shapes, stem + "mlp.fc1", inner, hidden)
                _linear(shapes, stem + "mlp.fc2", hidden, inner)
    _linear(shapes, "final_layer.adaLN_modulation.1", 2 * hidden, hidden)
    _linear(shapes, "final_layer.linear", 64, hidden)
    return shapes


def t5_shapes(gated=True, words=T5["words"], width=T5["width"]):
    """Return names and shapes of a small T5 encoder."""
    both = T5["heads"] * T5["head"]
    shapes = {"shared.weight": (words, width), "encoder.final_layer_norm.weight": (width,)}
    for index in range(T5["blocks"]):
        stem = f"encoder.block.{index}.layer."
        for letter in "qkv":
            shapes[f"{stem}0.SelfAttention.{letter}.weight"] = (both, width)
        shapes[stem + "0.SelfAttention.o.weight"] = (width, both)
        if index == 0:
            shapes[stem + "0.SelfAttention.relative_attention_bias.weight"] = (32, T5["heads"])
        for name in ("wi_0", "wi_1") if gated else ("wi",):
            shapes[f"{stem}1.DenseReluDense.{name}.weight"] = (T5["inner"], width)
        shapes[stem + "1.DenseReluDense.wo.weight"] = (width, T5["inner"])
        for layer in (0, 1):
            shapes[f"{stem}{layer}.layer_norm.weight"] = (width,)
    return shapes


def inputs():
    """Return latent, text, pooled text and guidance of the recordings, for a batch of two."""
    return {
        "x": gaussian("latent", (2, 16, 10, 14)),
        "context": gaussian("text", (2, 20, 80)),
        "y": gaussian("pooled", (2, 48)),
        "guidance": torch.tensor([3.5, 2.0]),
        "time": torch.tensor([0.8, 0.3]),
    }


def token_ids():
    """Return ``(2, 300)`` token ids, longer than the furthest distance that T5 tells apart."""
    return torch.arange(600).reshape(2, 300) * 7919 % T5["words"]


def to_diffusers(tensors, places):
    """Return tensors of ours under diffusers' names, cut apart as diffusers has them."""
    result = {}
    for theirs, place in places.items():
        for ending in ("",) if place.whole else (".weight", ".bias"):
            tensor = tensors.get(place.name + ending)
            if tensor is None:
                continue
            width = tensors[place.name + ".weight"].shape[1] if place.part is not None else 0
            if place.part is not None:
                end = None if place.part == 3 else (place.part + 1) * width
                tensor = tensor[place.part * width : end]
            if place.swapped:
                tensor = torch.cat(tuple(reversed(tensor.chunk(2))))
            result[theirs + ending] = tensor.clone()
    return result


def recorded():
    """Return what diffusers and transformers gave for these networks, by case."""
    return {name: torch.from_numpy(array) for name, array in np.load(DATA / "cases.npz").items()}


def clip_shapes(prefix="", width=768):
    """Return names and shapes of a CLIP-L that is narrow inside, or of a CLIP-G if 1280 wide."""
    inner = 64
    shapes = {f"{prefix}text_projection.weight": (width, width)} if width == 1280 else {}
    shapes |= {
        f"{prefix}text_model.embeddings.token_embedding.weight": (49408, width),
        f"{prefix}text_model.embeddings.position_embedding.weight": (77, width),
    }
    for part in ("weight", "bias"):
        shapes[f"{prefix}text_model.final_layer_norm.{part}"] = (width,)
    for layer in range(2):
        stem = f"{prefix}text_model.encoder.layers.{layer}."
        for letter in ("q_proj", "k_proj", "v_proj", "out_proj"):
            _linear(shapes, f"{stem}self_attn.{letter}", width, width)
        _linear(shapes, stem + "mlp.fc1", inner, width)
        _linear(shapes, stem + "mlp.fc2", width, inner)
        for norm in ("layer_norm1", "layer_norm2"):
            shapes[f"{stem}{norm}.weight"] = shapes[f"{stem}{norm}.bias"] = (width,)
    return shapes


def vocabulary(*pieces):
    """Return a ``spiece.model`` with padding, end, unknown and these pieces, as bytes."""

    def record(field, content):
        return bytes([field << 3 | 2, len(content)]) + content

    def piece(text, kind, score):
        body = record(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([0x18, kind])
        return record(1, body)

    special = piece("<pad>", 3, 0) + piece("</s>", 3, 0) + piece("<unk>", 2, 0)
    words = [piece(text, 1, -float(rank)) for rank, text in enumerate(pieces, start=1)]
    return special + b"".join(words)


def vae_shapes(channels=16, width=32):
    """Return names and shapes of a small VAE without quantising layers, as Flux and SD3 have."""
    shapes = {}

    def conv(name, out, inside, size=3):
        shapes[name + ".weight"] = (out, inside, size, size)
        shapes[name + ".bias"] = (out,)

    def norm(name):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (width,)

    def block(stem):
        for number in (1, 2):
            norm(f"{stem}.norm{number}")
            conv(f"{stem}.conv{number}", width, width)

    for half, inside, outside in (("encoder", 3, 2 * channels), ("decoder", channels, 3)):
        conv(f"{half}.conv_in", width, inside)
        conv(f"{half}.conv_out", outside, width)
        norm(f"{half}.norm_out")
        block(f"{half}.mid.block_1")
        block(f"{half}.mid.block_2")
        norm(f"{half}.mid.attn_1.norm")
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{half}.mid.attn_1.{part}", width, width, 1)
        for level in range(4):
            side, way = ("down", "downsample") if half == "encoder" else ("up", "upsample")
            block(f"{half}.{side}.{level}.block.0")
            if level != (3 if half == "encoder" else 0):
                conv(f"{half}.{side}.{level}.{way}.conv", width, width)
    return shapes
