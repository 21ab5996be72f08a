"""Random checkpoints whose every weight follows from its name; see tests/data/models."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

DATA = Path(__file__).resolve().parents[2] / "data" / "models"
FINGERPRINT = (
    "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
    "20ba694061ddae8b",
)

_HALF_GAIN = (
    "out_layers.3.weight", "proj_out.weight", "to_out.0.weight", "ff.net.2.weight",
    "mlp.fc2.weight", "self_attn.out_proj.weight", "conv2.weight",
)  # fmt: skip


def gaussian(name, shape):
    """Return float32 normal numbers drawn from a generator seeded with the name's checksum."""
    generator = torch.Generator(device="cpu").manual_seed(zlib.crc32(name.encode()))
    return torch.randn(tuple(shape), generator=generator)


def weight(name, shape):
    """Return the weight of that name; the scale keeps activations near one."""
    if name.endswith("position_ids"):
        return torch.arange(shape[-1]).reshape(shape)
    if name in ("vae_scale", "vae_shift"):
        return torch.tensor(float(name == "vae_scale"))
    values = gaussian(name, shape)
    if "token_embedding" in name or "position_embedding" in name:
        return values * (0.03 if "token_embedding" in name else 0.01)
    if len(shape) <= 1:
        return values * 0.02 if name.endswith("bias") else 1.0 + 0.05 * values
    gain = 0.5 if name.endswith(_HALF_GAIN) else 1.0
    if name.startswith("taesd_"):
        gain = 1.2
    if name.startswith("first_stage_model.decoder.conv_out"):
        gain = 0.5
    if "zero_convs" in name or "middle_block_out" in name:
        gain = 0.3
    return values * (gain / math.prod(shape[1:]) ** 0.5)


def layouts():
    """Return tensor names and shapes of each part: unet, unet_tiny, vae, clip, taesd, ..."""
    return json.loads(gzip.decompress((DATA / "keyshapes.json.gz").read_bytes()))


def build(*parts, dtype=torch.float16):
    """Return the weights of some parts as one checkpoint."""
    tables = layouts()
    tensors = {name: weight(name, shape) for part in parts for name, shape in tables[part].items()}
    return {
        name: (value.to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in tensors.items()
    }


def digest(tensor):
    """Return the first 16 hexadecimal digits of the SHA-256 of a tensor's bytes."""
    raw = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(raw).hexdigest()[:16]


def build_lora(rank=4):
    """Return a kohya style LoRA with one convolution, for SD1 networks."""
    unet = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_"
    text = "lora_te_text_model_encoder_layers_"
    linear = {
        unet + "attn1_to_q": (320, 320),
        unet + "attn2_to_k": (320, 768),
        unet + "ff_net_2": (320, 1280),
        "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_v": (320, 320),
        text + "0_self_attn_q_proj": (768, 768),
        text + "11_mlp_fc1": (3072, 768),
    }
    tensors = {}
    for name, (rows, columns) in linear.items():
        tensors[name + ".lora_up.weight"] = gaussian(name + "up", (rows, rank)) * 0.05
        tensors[name + ".lora_down.weight"] = gaussian(name + "down", (rank, columns)) * 0.05
        tensors[name + ".alpha"] = torch.tensor(2.0)
    name = "lora_unet_down_blocks_0_resnets_0_conv1"
    tensors[name + ".lora_up.weight"] = gaussian(name + "up", (320, rank, 1, 1)) * 0.05
    tensors[name + ".lora_down.weight"] = gaussian(name + "down", (rank, 320, 3, 3)) * 0.05
    tensors[name + ".alpha"] = torch.tensor(1.0)
    return tensors


def clip_text_weights(prefix, width, inner, layers, projection):
    """Return a half precision CLIP text encoder; ``prefix`` only picks the random numbers."""
    shapes = {
        "text_model.embeddings.token_embedding.weight": (49408, width),
        "text_model.embeddings.position_embedding.weight": (77, width),
        "text_model.final_layer_norm.weight": (width,),
        "text_model.final_layer_norm.bias": (width,),
    }
    for layer in range(layers):
        stem = f"text_model.encoder.layers.{layer}."
        for part, rows, columns in (
            ("self_attn.q_proj", width, width),
            ("self_attn.k_proj", width, width),
            ("self_attn.v_proj", width, width),
            ("self_attn.out_proj", width, width),
            ("mlp.fc1", inner, width),
            ("mlp.fc2", width, inner),
        ):
            shapes[f"{stem}{part}.weight"] = (rows, columns)
            shapes[f"{stem}{part}.bias"] = (rows,)
        for part in ("layer_norm1", "layer_norm2"):
            shapes[f"{stem}{part}.weight"] = shapes[f"{stem}{part}.bias"] = (width,)
    if projection:
        shapes["text_projection.weight"] = (width, width)
    return {name: weight(f"{prefix}.{name}", shape).half() for name, shape in shapes.items()}


def embedding_rows():
    """Return the rows of the three embeddings by the name that the recordings use."""
    return {
        "emb_one": gaussian("emb_one", (1, 768)) * 0.03,
        "emb_two": gaussian("emb_two", (3, 768)) * 0.03,
        "emb_three_l": gaussian("emb_three_l", (2, 768)) * 0.03,
        "emb_three_g": gaussian("emb_three_g", (2, 1280)) * 0.03,
    }


def write_embeddings(folder):
    """Write ``emb_one``, ``emb_two`` and ``emb_three`` in three file forms."""
    from safetensors.torch import save_file

    rows = embedding_rows()
    save_file({"emb_params": rows["emb_one"]}, folder / "emb_one.safetensors")
    torch.save({"string_to_param": {"*": rows["emb_two"]}}, folder / "emb_two.pt")
    both = {"clip_l": rows["emb_three_l"], "clip_g": rows["emb_three_g"]}
    save_file(both, folder / "emb_three.safetensors")


class Recording:
    """The recorded cases of one section."""

    def __init__(self, name):
        self.cases = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["cases"]
        file = DATA / f"{name}.npz"
        self._arrays = dict(np.load(file)) if file.exists() else {}

    def array(self, case, name):
        """Return one recorded array as a tensor."""
        return torch.from_numpy(self._arrays[f"{case}/{name}"])

    def check(self, case, name, actual):
        """Compare with the recorded array, at the tolerance of the case."""
        entry = self.cases[case]
        expected = self.array(case, name).float()
        torch.testing.assert_close(
            actual.detach().float().cpu(), expected, atol=entry["atol"], rtol=entry["rtol"],
            equal_nan=True,
        )  # fmt: skip


def wave_latent(shape):
    """Return the deterministic latent of the recordings, about -1.5 to 1.5."""
    count = torch.arange(math.prod(shape), dtype=torch.float64).reshape(tuple(shape))
    return (torch.sin(0.7311 * count) + 0.5 * torch.cos(0.0913 * count + 0.4)).float()


def wave_text(seed, tokens=77, width=768):
    """Return the deterministic text conditioning ``(1, tokens, width)`` of the recordings."""
    count = torch.arange(tokens * width, dtype=torch.float64).reshape(1, tokens, width)
    return torch.sin(count * (0.013 + 0.001 * seed) + seed).float()


def wave_image(shape, phase=0.0):
    """Return the deterministic picture ``(B, H, W, C)`` of the recordings, 0 to 1."""
    batch, height, width, channels = shape
    y = torch.arange(height, dtype=torch.float64).reshape(1, height, 1, 1)
    x = torch.arange(width, dtype=torch.float64).reshape(1, 1, width, 1)
    k = torch.arange(channels, dtype=torch.float64).reshape(1, 1, 1, channels)
    n = torch.arange(batch, dtype=torch.float64).reshape(batch, 1, 1, 1)
    value = torch.sin(0.31 * x + 0.17 * y + 1.3 * k + phase + n)
    value = value + torch.cos(0.011 * x * y + 0.9 * k - phase + 0.5 * n)
    value = value + 0.35 * torch.sin(1.9 * x - 2.3 * y + k)
    return (0.5 + value / 4.8).clamp(0, 1).float()


def wave_mask(shape):
    """Return the deterministic soft mask ``(B, H, W)`` of the recordings, 0 to 1."""
    batch, height, width = shape
    y = torch.arange(height, dtype=torch.float64).reshape(1, height, 1) / height
    x = torch.arange(width, dtype=torch.float64).reshape(1, 1, width) / width
    n = torch.arange(batch, dtype=torch.float64).reshape(batch, 1, 1)
    distance = ((x - 0.45 - 0.1 * n) ** 2 + (y - 0.55) ** 2) ** 0.5
    return (1.4 - 4.0 * distance).clamp(0, 1).float()
