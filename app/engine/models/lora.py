"""LoRA files: which weight each entry is for, and what it adds (rules D-190, D-191, D-196)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch

from app.engine.models.diffusers_names import LoraTarget, lora_targets
from app.engine.models.lora_math import Glora, Loha, Lokr, Lora, Oft, WeightAdapter
from app.engine.models.weights import StateDict

log = logging.getLogger("easel.models")

KeyMap = dict[str, LoraTarget]
"""Name in a LoRA file, without ending -> name of a weight, or a part of one."""

_PAIRS: Final = (
    (".lora_up.weight", ".lora_down.weight"),
    ("_lora.up.weight", "_lora.down.weight"),
    (".lora_B.weight", ".lora_A.weight"),
    (".lora.up.weight", ".lora.down.weight"),
    (".lora_B", ".lora_A"),
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    (".lora_B.default.weight", ".lora_A.default.weight"),
)
_RES_PARTS: Final = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_TRANSFORMER_PARTS: Final = ("norm", "proj_in", "proj_out")
_BLOCK_PARTS: Final = (
    *(f"norm{number}" for number in (1, 2, 3)),
    *(f"attn{number}.{part}" for number in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")),
    "ff.net.0.proj",
    "ff.net.2",
)
_SINGLE_PARTS: Final = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_FLUX_CONTROL_MARKS: Final = frozenset(
    {"img_in.lora_A.weight", "single_blocks.0.norm.key_norm.scale"}
)
_CLIP_PARTS: Final = (
    "mlp.fc1", "mlp.fc2", "self_attn.k_proj", "self_attn.q_proj", "self_attn.v_proj",
    "self_attn.out_proj",
)  # fmt: skip


def diffusers_names(names: Iterable[str]) -> dict[str, str]:
    """Map the layers of a classic UNet from diffusers' names to ours, without ``.weight``.

    Args:
        names: Tensor names of the network, such as ``input_blocks.0.0.weight``.
    """
    present = set(names)
    found = dict(_SINGLE_PARTS)

    def numbers(stem: str) -> int:
        pattern = re.compile(re.escape(stem) + r"(\d+)\.")
        matches = [int(match[1]) for name in present if (match := pattern.match(name))]
        return max(matches, default=-1) + 1

    def add_res(theirs: str, ours: str) -> None:
        for part, own in _RES_PARTS.items():
            found[f"{theirs}.{part}"] = f"{ours}.{own}"

    def add_transformer(theirs: str, ours: str) -> None:
        for part in _TRANSFORMER_PARTS:
            found[f"{theirs}.{part}"] = f"{ours}.{part}"
        for index in range(numbers(f"{ours}.transformer_blocks.")):
            for part in _BLOCK_PARTS:
                block = f"transformer_blocks.{index}.{part}"
                found[f"{theirs}.{block}"] = f"{ours}.{block}"

    level = place = 0
    for index in range(1, numbers("input_blocks.")):
        ours = f"input_blocks.{index}"
        if f"{ours}.0.op.weight" in present:
            found[f"down_blocks.{level}.downsamplers.0.conv"] = f"{ours}.0.op"
            level, place = level + 1, 0
            continue
        add_res(f"down_blocks.{level}.resnets.{place}", f"{ours}.0")
        if f"{ours}.1.proj_in.weight" in present:
            add_transformer(f"down_blocks.{level}.attentions.{place}", f"{ours}.1")
        place += 1

    add_res("mid_block.resnets.0", "middle_block.0")
    add_res("mid_block.resnets.1", "middle_block.2")
    add_transformer("mid_block.attentions.0", "middle_block.1")

    level = place = 0
    for index in range(numbers("output_blocks.")):
        ours = f"output_blocks.{index}"
        add_res(f"up_blocks.{level}.resnets.{place}", f"{ours}.0")
        if f"{ours}.1.proj_in.weight" in present:
            add_transformer(f"up_blocks.{level}.attentions.{place}", f"{ours}.1")
        place += 1
        for last in (1, 2):
            if f"{ours}.{last}.conv.weight" in present:
                found[f"up_blocks.{level}.upsamplers.0.conv"] = f"{ours}.{last}.conv"
                level, place = level + 1, 0
    return found


def model_lora_keys_unet(model: Any, key_map: KeyMap | None = None) -> KeyMap:
    """Add every name that a LoRA may use for the weights of a diffusion model.

    Args:
        model: A ``DiffusionModel``.
        key_map: Extended and returned; a new one when None.
    """
    keys = {} if key_map is None else key_map
    stem = "diffusion_model."
    names = [name for name in _tensor_names(model) if name.startswith(stem)]
    for name in names:
        if not name.endswith(".weight"):
            keys[name] = name
            continue
        bare = name.removesuffix(".weight")
        keys["lora_unet_" + bare.removeprefix(stem).replace(".", "_")] = name
        keys[bare] = name
    if getattr(model.model_config, "ldm_unet", False):
        own = [name.removeprefix(stem) for name in names]
        for theirs, ours in diffusers_names(own).items():
            weight = f"{stem}{ours}.weight"
            flat = theirs.replace(".", "_")
            keys["lora_unet_" + flat] = weight
            keys["lycoris_" + flat] = weight
            processor = theirs.replace(".to_", ".processor.to_")
            processor = (
                processor.removesuffix(".0") if processor.endswith("to_out.0") else processor
            )
            for prefix in ("", "unet."):
                keys[prefix + processor] = weight
    else:
        for name in names:
            if name.endswith(".weight"):
                bare = name.removeprefix(stem).removesuffix(".weight")
                flat = bare.replace(".", "_")
                keys["transformer." + bare] = name
                keys["base_model.model." + bare] = name
                keys["lora_transformer_" + flat] = name
                keys["lycoris_" + flat] = name
        if model.model_config.places is not None:
            _add_transformer_names(model, keys)
    return keys


def _add_transformer_names(model: Any, keys: KeyMap) -> None:
    """Add diffusers' names for a transformer network, whose layers may be parts of ours."""
    stem = "diffusion_model."
    shapes = {
        name.removeprefix(stem): tuple(tensor.shape)
        for name, tensor in model.named_parameters()
        if name.startswith(stem)
    }
    for theirs, target in lora_targets(model.model_config.places(shapes), shapes, stem):
        flat = theirs.replace(".", "_")
        for prefix in ("transformer.", "base_model.model.", "base_model.model.transformer.", ""):
            keys[prefix + theirs] = target
        for prefix in ("lora_transformer_", "lycoris_", "lora_unet_"):
            keys[prefix + flat] = target


def model_lora_keys_clip(model: Any, key_map: KeyMap | None = None) -> KeyMap:
    """Add every name that a LoRA may use for the weights of text encoders.

    Args:
        model: A ``TextModel``.
        key_map: Extended and returned; a new one when None.
    """
    keys = {} if key_map is None else key_map
    names = set(_tensor_names(model))
    for name in sorted(names):
        if name.endswith(".weight"):
            keys["text_encoders." + name.removesuffix(".weight")] = name
    has_l = any(name.startswith("clip_l.") for name in names)
    prefixes = {
        "clip_h": (("lora_te", "lora_te1"), "text_encoder"),
        "clip_l": (("lora_te", "lora_te1"), "text_encoder"),
        "clip_g": ((("lora_te2",), "text_encoder_2") if has_l else (("lora_te",), "text_encoder")),
    }
    for encoder, (flats, dotted) in prefixes.items():
        stem = f"{encoder}.transformer.text_model.encoder.layers."
        layers = {
            int(found[1])
            for name in names
            if (found := re.match(re.escape(stem) + r"(\d+)\.", name))
        }
        for layer in sorted(layers):
            for part in _CLIP_PARTS:
                weight = f"{stem}{layer}.{part}.weight"
                if weight not in names:
                    continue
                bare = f"text_model.encoder.layers.{layer}.{part}"
                for flat in flats:
                    keys[f"{flat}_{bare.replace('.', '_')}"] = weight
                keys[f"{dotted}.{bare}"] = weight
        projection = f"{encoder}.transformer.text_projection.weight"
        if projection in names:
            for flat in flats:
                keys[flat + "_text_projection"] = projection
            keys[dotted + ".text_projection"] = projection
    _add_t5_names(names, keys)
    return keys


def _add_t5_names(names: Iterable[str], keys: KeyMap) -> None:
    """Add trainers' names for T5, which they count behind the CLIP encoders that are there."""
    names = set(names)
    stem = "t5xxl.transformer."
    clips = sum(any(name.startswith(clip) for name in names) for clip in ("clip_l.", "clip_g."))
    numbers = {clips + 1, 3}
    for name in sorted(names):
        if name.startswith(stem) and name.endswith(".weight"):
            bare = name.removeprefix(stem).removesuffix(".weight")
            for number in numbers:
                keys[f"lora_te{number}_{bare.replace('.', '_')}"] = name
                keys[f"text_encoder_{number}.{bare}"] = name


def _tensor_names(model: torch.nn.Module) -> list[str]:
    return [name for name, _ in model.named_parameters()]


def load_lora(
    lora: Mapping[str, torch.Tensor], to_load: KeyMap, log_missing: bool = True
) -> dict[Any, Any]:
    """Return the patches of a LoRA file by the weights they are for.

    Args:
        lora: The file's tensors.
        to_load: From :func:`model_lora_keys_unet` and :func:`model_lora_keys_clip`.
        log_missing: Whether entries that are for no weight are warned about.

    Returns:
        Weight, or part of one -> adapter, or ``("diff", (tensor,))``, or ``("set", (tensor,))``.
    """
    used: set[str] = set()
    patches: dict[Any, Any] = {}
    reader = _Reader(lora, used)
    for stem, target in to_load.items():
        adapter = reader.adapter(stem)
        if adapter is not None:
            patches[target] = adapter
        if not isinstance(target, str):
            continue
        weight = target
        bias = weight.removesuffix(".weight") + ".bias"
        for ending, target, kind in (
            (".w_norm", weight, "diff"),
            (".b_norm", bias, "diff"),
            (".diff", weight, "diff"),
            (".diff_b", bias, "diff"),
            (".set_weight", weight, "set"),
        ):
            tensor = reader.take(stem + ending)
            if tensor is not None:
                patches[target] = (kind, (tensor,))
    unused = [name for name in lora if name not in used]
    if unused and log_missing:
        log.warning(
            'The LoRA has %d entries for other models, such as "%s".', len(unused), unused[0]
        )
    return patches


class _Reader:
    """Reads the entries below one name."""

    def __init__(self, lora: Mapping[str, torch.Tensor], used: set[str]) -> None:
        self.lora = lora
        self.used = used

    def take(self, name: str) -> torch.Tensor | None:
        """Return an entry and remember that it was used."""
        tensor = self.lora.get(name)
        if tensor is not None:
            self.used.add(name)
        return tensor

    def number(self, name: str) -> float | None:
        tensor = self.take(name)
        return None if tensor is None else float(tensor.flatten()[0])

    def adapter(self, stem: str) -> WeightAdapter | None:
        """Return the adapter below ``stem`` with its scale, or None when there is none."""
        found = self._low_rank(stem) or self._hadamard(stem) or self._kronecker(stem)
        return found or self._glora(stem) or self._rotation(stem)

    def _scales(self, stem: str) -> tuple[float | None, torch.Tensor | None]:
        return self.number(stem + ".alpha"), self.take(stem + ".dora_scale")

    def _low_rank(self, stem: str) -> WeightAdapter | None:
        for up_end, down_end in _PAIRS:
            if stem + up_end in self.lora and stem + down_end in self.lora:
                up, down = self.take(stem + up_end), self.take(stem + down_end)
                assert up is not None
                assert down is not None
                mid = self.take(stem + ".lora_mid.weight")
                shape = self.take(stem + ".reshape_weight")
                alpha, dora = self._scales(stem)
                reshape = None if shape is None else tuple(int(side) for side in shape.tolist())
                return Lora(up, down, alpha, mid, dora, reshape)
        return None

    def _hadamard(self, stem: str) -> WeightAdapter | None:
        parts = [self.take(f"{stem}.hada_{name}") for name in ("w1_a", "w1_b", "w2_a", "w2_b")]
        if any(part is None for part in parts):
            return None
        alpha, dora = self._scales(stem)
        w1a, w1b, w2a, w2b = (part for part in parts if part is not None)
        cores = self.take(stem + ".hada_t1"), self.take(stem + ".hada_t2")
        return Loha(w1a, w1b, w2a, w2b, alpha, *cores, dora)

    def _kronecker(self, stem: str) -> WeightAdapter | None:
        sides: list[torch.Tensor | tuple[torch.Tensor, torch.Tensor]] = []
        for side in ("w1", "w2"):
            whole = self.take(f"{stem}.lokr_{side}")
            a, b = self.take(f"{stem}.lokr_{side}_a"), self.take(f"{stem}.lokr_{side}_b")
            if whole is not None:
                sides.append(whole)
            elif a is not None and b is not None:
                sides.append((a, b))
        if len(sides) < 2:
            return None
        alpha, dora = self._scales(stem)
        return Lokr(sides[0], sides[1], alpha, self.take(stem + ".lokr_t2"), dora)

    def _glora(self, stem: str) -> WeightAdapter | None:
        parts = [self.take(f"{stem}.{name}.weight") for name in ("a1", "a2", "b1", "b2")]
        if any(part is None for part in parts):
            return None
        alpha, dora = self._scales(stem)
        a1, a2, b1, b2 = (part for part in parts if part is not None)
        return Glora(a1, a2, b1, b2, alpha, dora)

    def _rotation(self, stem: str) -> WeightAdapter | None:
        blocks = self.take(stem + ".oft_blocks")
        if blocks is None:
            return None
        alpha, _ = self._scales(stem)
        return Oft(blocks, self.take(stem + ".rescale"), alpha)


def convert_lora(lora: Mapping[str, torch.Tensor]) -> StateDict:
    """Return a LoRA file's tensors under the names that :func:`load_lora` looks for.

    Some trainers put ``.lora_layer`` or a leading ``base_model.model.`` before names that are
    otherwise known. The makers of Flux use bare names, and widen the network for a second picture.
    """
    if lora.keys() >= _FLUX_CONTROL_MARKS:
        return _from_flux_control(lora)
    return {name.replace(".lora_layer.", ".lora."): tensor for name, tensor in lora.items()}


def _from_flux_control(lora: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the entries of a Flux Canny or Depth LoRA: products, biases and whole norms."""
    result: StateDict = {}
    for name, tensor in lora.items():
        full = "diffusion_model." + name
        if name.endswith(".lora_B.bias"):
            full = full.removesuffix(".lora_B.bias") + ".diff_b"
        elif name.endswith("_norm.scale"):
            full += ".set_weight"
        result[full] = tensor
    sides = (lora["img_in.lora_B.weight"].shape[0], lora["img_in.lora_A.weight"].shape[1])
    result["diffusion_model.img_in.reshape_weight"] = torch.tensor(sides)
    return result
