"""ControlNets and adapters during sampling: hint, strength, range, chaining (D-200 to D-204)."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

import torch

from app.engine.errors import ModelFileError
from app.engine.imaging.resize import common_upscale
from app.engine.models import memory
from app.engine.models.control_networks import (
    AdapterModel,
    ControlNetModel,
    Residuals,
    controlnet_tensors,
    network_names,
)
from app.engine.models.detect import describe
from app.engine.models.ops import empty, fill
from app.engine.models.patcher import ModelPatcher
from app.engine.models.unet import HeadRule, shapes_of
from app.engine.models.weights import read_weights

PX_PER_CELL: Final = 8
_SD1_TEXT_WIDTH: Final = 768


def broadcast_image_to(
    tensor: torch.Tensor, target_batch_size: int, batched_number: int
) -> torch.Tensor:
    """Bring hints to a batch of several prompts: fitted to one prompt's latents, then repeated.

    Args:
        tensor: ``(hints, ...)``; a single one is returned as it is.
        target_batch_size: Items of the whole batch.
        batched_number: Prompts in the batch.
    """
    if tensor.shape[0] == 1:
        return tensor
    per_prompt = target_batch_size // batched_number
    repeats = -(-per_prompt // tensor.shape[0])
    tensor = torch.cat([tensor] * repeats)[:per_prompt]
    return tensor if tensor.shape[0] == target_batch_size else torch.cat([tensor] * batched_number)


class StrengthType(enum.Enum):
    """How strength acts on the values of a net.

    Attributes:
        CONSTANT: The same on all of them.
        LINEAR_UP: As a power that is less for later ones, so that the last is not scaled.
    """

    CONSTANT = 1
    LINEAR_UP = 2


class ControlBase:
    """What all nets that steer a run have in common.

    Attributes:
        cond_hint_original: Picture ``(batch, channels, height, width)`` in 0..1.
        strength: Factor of what is added.
        timestep_percent_range: Part of the run in which it acts, 0 to 1.
        previous_controlnet: Net whose result is added to this one's, or None.
        global_average_pooling: Whether outputs are averaged over the picture.
        strength_type: How strength acts on the values.
    """

    def __init__(self) -> None:
        self.cond_hint_original: torch.Tensor | None = None
        self.cond_hint: torch.Tensor | None = None
        self.strength = 1.0
        self.timestep_percent_range = (0.0, 1.0)
        self.timestep_range: tuple[float, float] | None = None
        self.previous_controlnet: ControlBase | None = None
        self.global_average_pooling = False
        self.strength_type = StrengthType.CONSTANT
        self.compression_ratio = PX_PER_CELL
        self.upscale_algorithm = "nearest-exact"
        self.extra_concat_orig: list[torch.Tensor] = []
        self.extra_hooks: Any = None
        self.vae: Any = None

    def set_cond_hint(
        self,
        cond_hint: torch.Tensor,
        strength: float = 1.0,
        timestep_percent_range: tuple[float, float] = (0.0, 1.0),
        vae: Any = None,
        extra_concat: Sequence[torch.Tensor] = (),
    ) -> Self:
        """Set the picture and how it acts; returns this net."""
        self.cond_hint_original = cond_hint
        self.strength = strength
        self.timestep_percent_range = timestep_percent_range
        self.vae = vae
        self.extra_concat_orig = list(extra_concat)
        return self

    def set_previous_controlnet(self, controlnet: ControlBase | None) -> Self:
        """Add this net's result to another's; returns this net."""
        self.previous_controlnet = controlnet
        return self

    def pre_run(self, model: Any, percent_to_timestep_function: Callable[[float], float]) -> None:
        """Get ready for a run: the range becomes noise levels."""
        start, end = self.timestep_percent_range
        self.timestep_range = (
            float(percent_to_timestep_function(start)),
            float(percent_to_timestep_function(end)),
        )
        if self.previous_controlnet is not None:
            self.previous_controlnet.pre_run(model, percent_to_timestep_function)

    def cleanup(self) -> None:
        """Let go of what the run needed."""
        if self.previous_controlnet is not None:
            self.previous_controlnet.cleanup()
        self.cond_hint = None
        self.timestep_range = None

    def get_models(self) -> list[ModelPatcher]:
        """Return the patchers that must be loaded, those of previous nets included."""
        return [] if self.previous_controlnet is None else self.previous_controlnet.get_models()

    def inference_memory_requirements(self, dtype: torch.dtype) -> float:
        """Return working bytes beyond the model's own."""
        if self.previous_controlnet is None:
            return 0.0
        return self.previous_controlnet.inference_memory_requirements(dtype)

    def copy_to(self, other: ControlBase) -> None:
        """Give ``other`` all settings of this net."""
        for name in (
            "cond_hint_original", "strength", "timestep_percent_range",
            "global_average_pooling", "strength_type", "compression_ratio", "upscale_algorithm",
            "vae", "extra_concat_orig", "extra_hooks", "previous_controlnet",
        ):  # fmt: skip
            setattr(other, name, getattr(self, name))

    def get_control(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: Mapping[str, Any],
        batched_number: int,
        transformer_options: Mapping[str, Any],
    ) -> Residuals | None:
        """Return what is added to the UNet in this step, or None.

        Args:
            x_noisy: Noisy latent ``(batch, channels, height, width)``.
            t: Noise level of each item.
            cond: Inputs of the network for the batch.
            batched_number: Prompts in the batch.
            transformer_options: Hooks of packs.
        """
        previous = None
        if self.previous_controlnet is not None:
            previous = self.previous_controlnet.get_control(
                x_noisy, t, cond, batched_number, transformer_options
            )
        if self.timestep_range is not None:
            start, end = self.timestep_range
            if not end <= float(t[0]) <= start:
                return previous
        own = self.compute(x_noisy, t, cond, batched_number)
        return self.control_merge(own, previous)

    def compute(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: Mapping[str, Any],
        batched_number: int,
    ) -> Residuals:
        """Return this net's own values at strength 1."""
        raise NotImplementedError

    def control_merge(
        self,
        own: Residuals,
        previous: Residuals | None,
        output_dtype: torch.dtype | None = None,
    ) -> Residuals:
        """Scale this net's values and add those of the net before it.

        Args:
            own: What the net gave.
            previous: What the net before it gave.
            output_dtype: Type of the result; None is that of ``own``.
        """
        merged: Residuals = {"input": [], "middle": [], "output": []}
        scaled: dict[int, torch.Tensor] = {}
        for name, values in own.items():
            for index, value in enumerate(values):
                if value is None:
                    merged[name].append(None)
                    continue
                if id(value) not in scaled:
                    averaged = value
                    if self.global_average_pooling:
                        averaged = value.mean(dim=(2, 3), keepdim=True).expand_as(value)
                    scaled[id(value)] = (averaged * self._strength_at(index, len(values))).to(
                        output_dtype or value.dtype
                    )
                merged[name].append(scaled[id(value)])
        for name, values in (previous or {}).items():
            mine = merged[name]
            for index, value in enumerate(values):
                if index >= len(mine):
                    mine.append(value)
                elif value is not None:
                    here = mine[index]
                    mine[index] = value if here is None else here + value
        return merged

    def _strength_at(self, index: int, count: int) -> float:
        if self.strength_type is StrengthType.LINEAR_UP:
            return float(self.strength ** (count - index))
        return self.strength

    def _hint_for(
        self,
        x_noisy: torch.Tensor,
        width: int,
        height: int,
        batched_number: int,
        dtype: torch.dtype,
    ) -> torch.Tensor:
        hint = self.cond_hint
        if hint is None or tuple(hint.shape[-2:]) != (height, width):
            if self.cond_hint_original is None:
                raise ValueError("The ControlNet has no picture.")
            hint = common_upscale(
                self.cond_hint_original, width, height, self.upscale_algorithm, "center"
            )
            hint = hint.to(x_noisy.device, dtype)
            self.cond_hint = hint
        if hint.shape[0] != x_noisy.shape[0]:
            hint = broadcast_image_to(hint, x_noisy.shape[0], batched_number)
        return hint


def _as_it_is(hint: torch.Tensor) -> torch.Tensor:
    return hint


class ControlNet(ControlBase):
    """A ControlNet with its memory.

    Args:
        control_model: The network; None for one that is set later.
        global_average_pooling: Whether outputs are averaged over the picture.
        compression_ratio: Pixels of the hint a latent cell is wide.
        latent_format: Scale of hints that are latents, for packs.
        load_device: Where it computes; the best device when None.
        manual_cast_dtype: Type that it computes in; the device's own when None.
        extra_conds: Inputs of the diffusion model that the network takes too.
        strength_type: How strength acts on the values.
        concat_mask: Whether the hint has a mask, for packs.
        preprocess_image: Called with the hint; None leaves it as it is.
        patcher: The network's patcher; a new one when None.

    Attributes:
        control_model: The network.
        control_model_wrapped: Its patcher.
        model_sampling_current: The sampling rules of the diffusion model, during a run.
    """

    def __init__(
        self,
        control_model: Any = None,
        global_average_pooling: bool = False,
        compression_ratio: int = PX_PER_CELL,
        latent_format: Any = None,
        load_device: torch.device | None = None,
        manual_cast_dtype: torch.dtype | None = None,
        extra_conds: Sequence[str] = ("y",),
        strength_type: StrengthType = StrengthType.CONSTANT,
        concat_mask: bool = False,
        preprocess_image: Callable[[torch.Tensor], torch.Tensor] | None = None,
        *,
        patcher: ModelPatcher | None = None,
    ) -> None:
        super().__init__()
        device = memory.get_torch_device() if load_device is None else load_device
        dtype = memory.unet_dtype(device) if manual_cast_dtype is None else manual_cast_dtype
        self.control_model = control_model
        self.global_average_pooling = global_average_pooling
        self.compression_ratio = compression_ratio
        self.latent_format = latent_format
        self.load_device = device
        self.manual_cast_dtype = dtype
        self.extra_conds = list(extra_conds)
        self.strength_type = strength_type
        self.concat_mask = concat_mask
        self.preprocess_image = preprocess_image or _as_it_is
        self.extra_args: dict[str, Any] = {}
        self.model_sampling_current: Any = None
        if patcher is None and control_model is not None:
            patcher = ModelPatcher(
                control_model, device, memory.offload_device(), compute_dtype=dtype
            )
        self.control_model_wrapped: Any = patcher

    def copy(self) -> ControlNet:
        """Return a net with the same network and settings."""
        twin = ControlNet(
            self.control_model,
            latent_format=self.latent_format,
            load_device=self.load_device,
            manual_cast_dtype=self.manual_cast_dtype,
            extra_conds=self.extra_conds,
            concat_mask=self.concat_mask,
            preprocess_image=self.preprocess_image,
            patcher=self.control_model_wrapped,
        )
        twin.extra_args = dict(self.extra_args)
        self.copy_to(twin)
        return twin

    def pre_run(self, model: Any, percent_to_timestep_function: Callable[[float], float]) -> None:
        """See :meth:`ControlBase.pre_run`."""
        super().pre_run(model, percent_to_timestep_function)
        self.model_sampling_current = model.model_sampling

    def cleanup(self) -> None:
        """See :meth:`ControlBase.cleanup`."""
        self.model_sampling_current = None
        super().cleanup()

    def get_models(self) -> list[ModelPatcher]:
        """See :meth:`ControlBase.get_models`."""
        return [self.control_model_wrapped, *super().get_models()]

    def compute(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: Mapping[str, Any],
        batched_number: int,
    ) -> Residuals:
        """See :meth:`ControlBase.compute`."""
        dtype = self.control_model_wrapped.compute_dtype
        size = self.compression_ratio
        hint = self._hint_for(
            x_noisy, x_noisy.shape[3] * size, x_noisy.shape[2] * size, batched_number, dtype
        )
        hint = self.preprocess_image(hint)
        context = cond.get("crossattn_controlnet", cond.get("c_crossattn"))
        y = cond.get("y")
        scaled = self.model_sampling_current.calculate_input(t, x_noisy)
        result: Residuals = self.control_model(
            scaled.to(dtype),
            hint,
            self.model_sampling_current.timestep(t).float(),
            None if context is None else context.to(dtype),
            None if y is None else y.to(dtype),
            **self._kind(),
        )
        return result

    def set_extra_arg(self, argument: str, value: Any = None) -> None:
        """Set a further input of the network, such as ``control_type``."""
        self.extra_args[argument] = value

    def _kind(self) -> dict[str, Any]:
        """Return what a net of several kinds is told about its hint; nothing for others."""
        if not hasattr(self.control_model, "union"):
            return {}
        return {"control_type": tuple(self.extra_args.get("control_type", ()))}


class T2IAdapter(ControlBase):
    """A T2I-Adapter; its features depend on the hint alone and are computed once a run."""

    def __init__(self, adapter: AdapterModel, patcher: ModelPatcher | None = None) -> None:
        super().__init__()
        self.t2i_model = adapter
        device = memory.get_torch_device()
        self.patcher = patcher or ModelPatcher(adapter, device, memory.offload_device())
        self._features: list[torch.Tensor | None] | None = None
        self._features_of: Any = None

    def copy(self) -> T2IAdapter:
        """Return an adapter with the same network and settings."""
        twin = T2IAdapter(self.t2i_model, self.patcher)
        self.copy_to(twin)
        return twin

    def cleanup(self) -> None:
        """See :meth:`ControlBase.cleanup`."""
        self._features = self._features_of = None
        super().cleanup()

    def get_models(self) -> list[ModelPatcher]:
        """See :meth:`ControlBase.get_models`."""
        return [self.patcher, *super().get_models()]

    def compute(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: Mapping[str, Any],
        batched_number: int,
    ) -> Residuals:
        """See :meth:`ControlBase.compute`."""
        step = self.t2i_model.unshuffle_amount
        height, width = (-(-side * PX_PER_CELL // step) * step for side in x_noisy.shape[2:])
        hint = self._hint_for(x_noisy, width, height, batched_number, torch.float32)
        channels = self.t2i_model.input_channels
        if channels == 1 and hint.shape[1] > 1:
            hint = hint.mean(dim=1, keepdim=True)
        if self._features is None or self._features_of != tuple(hint.shape):
            self._features = self.t2i_model(hint)
            self._features_of = tuple(hint.shape)
        return {"input": list(self._features)}


def add_difference(
    tensors: Mapping[str, torch.Tensor], model: ModelPatcher | None
) -> dict[str, torch.Tensor]:
    """Return whole weights of a net whose file holds its difference to a model.

    Files without the mark ``difference`` come back unchanged.

    Raises:
        ModelFileError: It is a difference, and no model was given.
    """
    if "difference" not in tensors:
        return dict(tensors)
    if model is None:
        raise ModelFileError(
            "This ControlNet is stored as a difference to a model: load it with "
            "Load ControlNet Model (diff)."
        )
    own = model.model_state_dict()
    whole = {}
    for name, tensor in tensors.items():
        base = own.get("diffusion_model." + name.removeprefix("control_model."))
        is_part = name.startswith("control_model.") and base is not None
        if is_part and base is not None and base.shape == tensor.shape:
            tensor = (tensor.float() + base.float()).to(tensor.dtype)
        if name != "difference":
            whole[name] = tensor
    return whole


def load_controlnet(
    path: str | os.PathLike[str], model: ModelPatcher | None = None
) -> ControlNet | T2IAdapter:
    """Load a ControlNet or a T2I-Adapter.

    Args:
        path: The file.
        model: For files that hold the difference to a model.

    Raises:
        ModelFileError: The file cannot be read, or is neither.
    """
    name = os.path.basename(os.fspath(path))
    tensors = add_difference(read_weights(path).tensors, model)
    adapter = {key.removeprefix("adapter."): value for key, value in tensors.items()}
    if "conv_in.weight" in adapter and any(key.startswith("body.") for key in adapter):
        shapes = shapes_of(adapter)
        network: Any = empty(lambda: AdapterModel(shapes))
        fill(network, adapter, "adapter")
        return T2IAdapter(network)
    try:
        found = controlnet_tensors(tensors)
    except ModelFileError:
        if any(key.startswith("controlnet_blocks.") for key in tensors):
            raise ModelFileError(
                f'"{name}" is a ControlNet for Flux or Stable Diffusion 3, which are not supported '
                "yet. Those for SD 1, SD 2 and SDXL are."
            ) from None
        raise ModelFileError(
            f'"{name}" is not a ControlNet that is known here: it looks like {describe(tensors)}.'
        ) from None
    shapes = shapes_of(found)
    width = next(
        (shape[1] for key, shape in shapes.items() if key.endswith("attn2.to_k.weight")), 0
    )
    heads = HeadRule(count=8) if width == _SD1_TEXT_WIDTH else HeadRule(count=-1, size=64)
    network = empty(lambda: ControlNetModel(shapes, heads))
    fill(network, network_names(found), "ControlNet")
    stem = os.path.splitext(name)[0]
    return ControlNet(network, global_average_pooling=stem.endswith(("_shuffle", "_shuffle_fp16")))
