"""CLIP's picture encoder, for IPAdapters, unCLIP and style models."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.clip import HEAD_SIZE, ClipEncoder
from app.engine.models.detect import describe
from app.engine.models.ops import Conv2d, Embedding, LayerNorm, Linear, empty, fill
from app.engine.models.patcher import ModelPatcher
from app.engine.models.unet import Shapes, shapes_of
from app.engine.models.weights import StateDict, read_weights

PIXEL_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_QUICK_GELU_WIDTH: Final = 1024
_SHORT_HEADS: Final = {1664: 104, 1280: 80}
"""Head size where it is not 64, by width: the largest encoders have 16 heads."""


class _VisionEmbeddings(nn.Module):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        width, channels, size = shapes["vision_model.embeddings.patch_embedding.weight"][:3]
        places = shapes["vision_model.embeddings.position_embedding.weight"][0]
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.patch_embedding = Conv2d(channels, width, size, stride=size, bias=False)
        self.position_embedding = Embedding(places, width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.to(patches).expand(patches.shape[0], 1, -1)
        tokens = torch.cat([first, patches], dim=1)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return tokens + self.position_embedding.rows(places, tokens.dtype)


class _VisionTransformer(nn.Module):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        width = shapes["vision_model.post_layernorm.weight"][0]
        inner = shapes["vision_model.encoder.layers.0.mlp.fc1.weight"][0]
        pattern = re.compile(r"^vision_model\.encoder\.layers\.(\d+)\.")
        layers = 1 + max(int(found[1]) for name in shapes if (found := pattern.match(name)))
        heads = width // _SHORT_HEADS.get(width, HEAD_SIZE)
        self.embeddings = _VisionEmbeddings(shapes)
        self.pre_layrnorm = LayerNorm(width)
        self.encoder = ClipEncoder(layers, width, heads, inner, width == _QUICK_GELU_WIDTH)
        self.post_layernorm = LayerNorm(width)
        self.num_layers = layers


class CLIPVisionModel(nn.Module):
    """A CLIP picture encoder.

    Attributes:
        image_size: Side of the square picture it takes, in px.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.vision_model = _VisionTransformer(shapes)
            patch = shapes["vision_model.embeddings.patch_embedding.weight"][2]
            places = shapes["vision_model.embeddings.position_embedding.weight"][0]
        except (KeyError, ValueError) as error:
            raise ModelFileError(f"The CLIP vision model is not complete: {error}.") from None
        self.image_size = round((places - 1) ** 0.5) * patch
        projection = shapes.get("visual_projection.weight")
        if projection is not None:
            self.visual_projection = Linear(projection[1], projection[0], bias=False)

    def forward(
        self, pixels: torch.Tensor, layer: int = -2
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return last states, those of ``layer`` (from the end), and the picture's vector."""
        model = self.vision_model
        x = model.pre_layrnorm(model.embeddings(pixels))
        last, kept = model.encoder(x, None, model.num_layers + layer)
        pooled = model.post_layernorm(last[:, 0])
        if hasattr(self, "visual_projection"):
            pooled = self.visual_projection(pooled)
        assert kept is not None
        return last, kept, pooled


class Output:
    """What a picture encoder gives; packs read it by attribute or by key."""

    last_hidden_state: torch.Tensor
    penultimate_hidden_states: torch.Tensor
    image_embeds: torch.Tensor

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)


def clip_preprocess(image: torch.Tensor, size: int = 224, crop: bool = True) -> torch.Tensor:
    """Return pictures as the encoder takes them.

    Args:
        image: ``(batch, height, width, channels)`` in 0..1.
        size: Side of the result in px.
        crop: Whether the middle square is taken; else the picture is squeezed.

    Returns:
        ``(batch, 3, size, size)``, normalised.
    """
    pixels = image[..., :3].movedim(-1, 1).float()
    if pixels.shape[2:] != (size, size):
        height, width = pixels.shape[2:]
        if crop:
            scale = size / min(height, width)
            target = (round(scale * height), round(scale * width))
        else:
            target = (size, size)
        pixels = torch.nn.functional.interpolate(
            pixels, size=target, mode="bicubic", antialias=True
        )
        top, left = (pixels.shape[2] - size) // 2, (pixels.shape[3] - size) // 2
        pixels = pixels[:, :, top : top + size, left : left + size]
    # The reference rounds to whole colour steps, as the pictures it was trained on have.
    pixels = torch.clip(255.0 * pixels, 0, 255).round() / 255.0
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
    return (pixels - mean.to(pixels)) / std.to(pixels)


class ClipVisionModel:
    """A CLIP picture encoder with its memory, as nodes use it.

    Raises:
        ModelFileError: The tensors are not those of a picture encoder.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        found = vision_tensors(tensors)
        shapes = shapes_of(found)
        self.model: Any = empty(lambda: CLIPVisionModel(shapes))
        fill(self.model, found, "CLIP vision model")
        self.image_size: int = self.model.image_size
        self.load_device = memory.get_torch_device()
        self.patcher = ModelPatcher(
            self.model,
            self.load_device,
            memory.offload_device(),
            weight_dtype=memory.text_encoder_dtype(),
        )

    def get_sd(self) -> StateDict:
        """Return the stored tensors."""
        return self.patcher.model_state_dict()

    @torch.no_grad()
    def encode_image(self, image: torch.Tensor, crop: bool = True) -> Output:
        """Encode pictures ``(batch, height, width, channels)`` in 0..1.

        When memory runs out they are encoded one by one.
        """
        memory.load_models_gpu([self.patcher])
        pixels = clip_preprocess(image.to(self.load_device), self.image_size, crop)

        def one_by_one() -> list[torch.Tensor]:
            found = [self.model(part) for part in torch.split(pixels, 1)]
            return [torch.cat(column) for column in zip(*found, strict=True)]

        last, kept, embeds = memory.with_recovery(
            lambda: self.model(pixels), one_by_one, "encoding the picture", [self.patcher]
        )
        output = Output()
        output.last_hidden_state = last.cpu()
        output.penultimate_hidden_states = kept.cpu()
        output.image_embeds = embeds.cpu()
        return output


_OPEN_CLIP_PARTS: Final = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj",
}  # fmt: skip
_OPEN_CLIP_NAMES: Final = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "ln_post.weight": "vision_model.post_layernorm.weight",
    "ln_post.bias": "vision_model.post_layernorm.bias",
}


def vision_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the tensors of a picture encoder as transformers names them.

    Raises:
        ModelFileError: They belong to no picture encoder.
    """
    for prefix in ("embedder.model.visual.", "visual."):
        if f"{prefix}transformer.resblocks.0.attn.in_proj_weight" in tensors:
            return _from_open_clip(tensors, prefix)
    if "vision_model.embeddings.patch_embedding.weight" not in tensors:
        raise ModelFileError(f"This is not a CLIP vision model: it looks like {describe(tensors)}.")
    known = ("vision_model.", "visual_projection.")
    return {
        name: tensor
        for name, tensor in tensors.items()
        if name.startswith(known) and not name.endswith("position_ids")
    }


def _from_open_clip(tensors: Mapping[str, torch.Tensor], prefix: str) -> StateDict:
    result: StateDict = {}
    block = re.compile(r"^transformer\.resblocks\.(\d+)\.(.+)$")
    for full, tensor in tensors.items():
        name = full.removeprefix(prefix)
        found = block.match(name)
        if name in _OPEN_CLIP_NAMES:
            result[_OPEN_CLIP_NAMES[name]] = tensor
        elif name == "proj":
            result["visual_projection.weight"] = tensor.transpose(0, 1)
        elif found is not None:
            stem = f"vision_model.encoder.layers.{found[1]}."
            part, _, kind = found[2].rpartition(".")
            if part in _OPEN_CLIP_PARTS:
                result[f"{stem}{_OPEN_CLIP_PARTS[part]}.{kind}"] = tensor
            elif found[2].startswith("attn.in_proj_"):
                kind = found[2].removeprefix("attn.in_proj_")
                for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                    result[f"{stem}self_attn.{letter}_proj.{kind}"] = third
    return result


def load_clip_vision(path: str | os.PathLike[str]) -> ClipVisionModel:
    """Load a CLIP picture encoder.

    Raises:
        ModelFileError: The file cannot be read, or holds none.
    """
    return ClipVisionModel(read_weights(path).tensors)
