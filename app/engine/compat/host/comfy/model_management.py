"""``comfy.model_management``: devices, number types, memory, and stopping a run.

Loading and unloading is that of :mod:`app.engine.models.memory`; packs may put functions of
their own in the place of ours, and sampling calls those.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from typing import Any

import comfy.cli_args
import psutil
import torch

from app.engine.execution.interrupts import (
    InterruptProcessingException,
    interrupt_current_processing,
    processing_interrupted,
    throw_exception_if_processing_interrupted,
)
from app.engine.models import memory
from app.engine.models.memory import (
    LoadedModel,
    current_loaded_models,
    loaded_models,
    unload_model_and_clones,
)

__all__ = [
    "OOM_EXCEPTION",
    "InterruptProcessingException",
    "LoadedModel",
    "current_loaded_models",
    "interrupt_current_processing",
    "loaded_models",
    "processing_interrupted",
    "throw_exception_if_processing_interrupted",
    "unload_model_and_clones",
]

OOM_EXCEPTION: type[BaseException] = torch.cuda.OutOfMemoryError


class VRAMState(enum.Enum):
    """How much of a model is kept on the graphics card."""

    DISABLED = 0
    NO_VRAM = 1
    LOW_VRAM = 2
    NORMAL_VRAM = 3
    HIGH_VRAM = 4
    SHARED = 5


class CPUState(enum.Enum):
    """What computes."""

    GPU = 0
    CPU = 1
    MPS = 2


def _detect() -> CPUState:
    if comfy.cli_args.args.cpu:
        return CPUState.CPU
    if torch.cuda.is_available():
        return CPUState.GPU
    return CPUState.MPS if torch.backends.mps.is_available() else CPUState.CPU


cpu_state = _detect()
vram_state = {
    CPUState.CPU: VRAMState.DISABLED,
    CPUState.MPS: VRAMState.SHARED,
    CPUState.GPU: VRAMState.NORMAL_VRAM,
}[cpu_state]
set_vram_to = vram_state
lowvram_available = True
directml_enabled = False
in_training = False
XFORMERS_VERSION = ""
XFORMERS_IS_AVAILABLE = False
XFORMERS_ENABLED_VAE = False
ENABLE_PYTORCH_ATTENTION = True
NUM_STREAMS = 0


def get_torch_device() -> torch.device:
    """Return the device that computes, as the artist chose."""
    if cpu_state is CPUState.CPU or memory.settings.force_cpu:
        return torch.device("cpu")
    if cpu_state is CPUState.MPS:
        return torch.device("mps")
    return torch.device("cuda", torch.cuda.current_device())


def intermediate_device() -> torch.device:
    """Return where the outputs of nodes live."""
    return get_torch_device() if comfy.cli_args.args.gpu_only else torch.device("cpu")


def intermediate_dtype() -> torch.dtype:
    """Return the number type of pictures between nodes."""
    return torch.float32


def unet_offload_device() -> torch.device:
    """Return where a diffusion model waits."""
    return get_torch_device() if _keeps_models() else torch.device("cpu")


def unet_inital_load_device(parameters: int, dtype: torch.dtype) -> torch.device:
    """Return where a diffusion model is put together."""
    return get_torch_device() if _keeps_models() else torch.device("cpu")


def text_encoder_device() -> torch.device:
    """Return where text is encoded."""
    if comfy.cli_args.args.gpu_only or cpu_state is CPUState.GPU:
        return get_torch_device()
    return torch.device("cpu")


def text_encoder_offload_device() -> torch.device:
    """Return where a text encoder waits."""
    return get_torch_device() if comfy.cli_args.args.gpu_only else torch.device("cpu")


def text_encoder_initial_device(
    load_device: torch.device, offload_device: torch.device, model_size: int = 0
) -> torch.device:
    """Return where a text encoder is put together."""
    return offload_device


def text_encoder_dtype(device: torch.device | None = None) -> torch.dtype:
    """Return the number type a text encoder is stored in."""
    args = comfy.cli_args.args
    if args.fp16_text_enc:
        return torch.float16
    if args.bf16_text_enc:
        return torch.bfloat16
    return torch.float32 if args.fp32_text_enc else torch.float16


def vae_device() -> torch.device:
    """Return where pictures are encoded and decoded."""
    return torch.device("cpu") if comfy.cli_args.args.cpu_vae else get_torch_device()


def vae_offload_device() -> torch.device:
    """Return where an encoder of pictures waits."""
    return get_torch_device() if comfy.cli_args.args.gpu_only else torch.device("cpu")


def vae_dtype(
    device: torch.device | None = None, allowed_dtypes: Sequence[torch.dtype] = ()
) -> torch.dtype:
    """Return the number type pictures are encoded and decoded in."""
    for dtype in allowed_dtypes:
        if dtype is torch.float16 and should_use_fp16(device):
            return dtype
        if dtype is torch.bfloat16 and should_use_bf16(device):
            return dtype
    return torch.float32


def unet_dtype(
    device: torch.device | None = None,
    model_params: int = 0,
    supported_dtypes: Sequence[torch.dtype] = (torch.float16, torch.bfloat16, torch.float32),
    weight_dtype: torch.dtype | None = None,
) -> torch.dtype:
    """Return the number type a diffusion model is stored in; float32 on a CPU (decision 11)."""
    if model_params < 0:
        model_params = 1000000000000000000000
    for dtype in supported_dtypes:
        if dtype is torch.float16 and should_use_fp16(device, model_params):
            return dtype
        if dtype is torch.bfloat16 and should_use_bf16(device, model_params):
            return dtype
    return torch.float32


def unet_manual_cast(
    weight_dtype: torch.dtype | None,
    inference_device: torch.device,
    supported_dtypes: Sequence[torch.dtype] = (torch.float16, torch.bfloat16, torch.float32),
) -> torch.dtype | None:
    """Return the number type to compute in, or None to compute as stored."""
    if weight_dtype in (torch.float32, torch.float64):
        return None
    if weight_dtype is torch.float16 and should_use_fp16(inference_device):
        return None
    if weight_dtype is torch.bfloat16 and should_use_bf16(inference_device):
        return None
    for dtype in supported_dtypes:
        if dtype is torch.float16 and should_use_fp16(inference_device):
            return dtype
        if dtype is torch.bfloat16 and should_use_bf16(inference_device):
            return dtype
    return torch.float32


def lora_compute_dtype(device: torch.device) -> torch.dtype:
    """Return the number type that patches are computed in."""
    return torch.float16 if should_use_fp16(device) else torch.float32


def should_use_fp16(
    device: torch.device | None = None,
    model_params: int = 0,
    prioritize_performance: bool = True,
    manual_cast: bool = False,
) -> bool:
    """Tell whether half precision pays; never on a CPU."""
    target = device or get_torch_device()
    args = comfy.cli_args.args
    if is_device_cpu(target) or args.force_fp32:
        return False
    if args.force_fp16 or is_device_mps(target):
        return True
    return bool(torch.cuda.get_device_properties(target).major >= 7)


def should_use_bf16(
    device: torch.device | None = None,
    model_params: int = 0,
    prioritize_performance: bool = True,
    manual_cast: bool = False,
) -> bool:
    """Tell whether bfloat16 pays; never on a CPU, unless the artist asks for it elsewhere."""
    target = device or get_torch_device()
    if not is_device_cuda(target) or comfy.cli_args.args.force_fp32:
        return False
    return bool(torch.cuda.get_device_properties(target).major >= 8)


def supports_cast(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether a device can hold numbers of a type."""
    return not (is_device_mps(device) and dtype.itemsize == 1)


def supports_dtype(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether a device computes in a number type."""
    if is_device_cpu(device):
        return dtype is torch.float32
    return dtype in (torch.float32, torch.float16, torch.bfloat16)


def supports_fp8_compute(device: torch.device | None = None) -> bool:
    """Tell whether a device multiplies 8-bit floats."""
    target = device or get_torch_device()
    if not is_device_cuda(target):
        return False
    properties = torch.cuda.get_device_properties(target)
    return bool((properties.major, properties.minor) >= (8, 9))


def device_supports_non_blocking(device: torch.device) -> bool:
    """Tell whether copies to a device may run in the background."""
    return is_device_cuda(device)


def device_should_use_non_blocking(device: torch.device) -> bool:
    """Tell whether copies to a device should run in the background."""
    return device_supports_non_blocking(device) and bool(comfy.cli_args.args.force_non_blocking)


def cast_to(
    weight: torch.Tensor,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    stream: Any = None,
) -> torch.Tensor:
    """Return a tensor on another device and in another type; a new one when ``copy`` is set."""
    return weight.to(
        device=device or weight.device,
        dtype=dtype or weight.dtype,
        non_blocking=non_blocking,
        copy=copy,
    )


def cast_to_device(
    tensor: torch.Tensor, device: torch.device, dtype: torch.dtype, copy: bool = False
) -> torch.Tensor:
    """Return a tensor on another device and in another type."""
    return cast_to(tensor, dtype, device, device_supports_non_blocking(device), copy)


def dtype_size(dtype: torch.dtype) -> int:
    """Return the bytes one number takes."""
    return dtype.itemsize


def module_size(module: torch.nn.Module) -> int:
    """Return the memory a network's weights take, in bytes."""
    return sum(tensor.nelement() * tensor.element_size() for tensor in module.state_dict().values())


def get_autocast_device(dev: torch.device) -> str:
    """Return the kind of a device, as ``torch.autocast`` wants it."""
    return str(getattr(dev, "type", "cuda"))


def get_torch_device_name(device: torch.device) -> str:
    """Return words for a device."""
    if is_device_cuda(device):
        return f"{device} {torch.cuda.get_device_name(device)}"
    return str(device.type)


def get_total_memory(dev: torch.device | None = None, torch_total_too: bool = False) -> Any:
    """Return a device's memory in bytes; a pair with torch's share when asked."""
    target = dev or get_torch_device()
    if is_device_cuda(target):
        total = int(torch.cuda.mem_get_info(target)[1])
        reserved = int(torch.cuda.memory_reserved(target))
    else:
        total = reserved = int(psutil.virtual_memory().total)
    return (total, reserved) if torch_total_too else total


def get_free_memory(dev: torch.device | None = None, torch_free_too: bool = False) -> Any:
    """Return a device's free memory in bytes; a pair with torch's share when asked."""
    target = dev or get_torch_device()
    if is_device_cuda(target):
        outside = int(torch.cuda.mem_get_info(target)[0])
        reserved = int(torch.cuda.memory_reserved(target))
        inside = reserved - int(torch.cuda.memory_allocated(target))
        free = outside + inside
    else:
        free = inside = int(psutil.virtual_memory().available)
    return (free, inside) if torch_free_too else free


def soft_empty_cache(force: bool = False) -> None:
    """Give memory that torch keeps for later back to the system."""
    memory.soft_empty_cache(force)


def free_memory(
    memory_required: float, device: torch.device, keep_loaded: Sequence[Any] = (), **options: Any
) -> list[Any]:
    """Make room on a device; returns the models that were unloaded."""
    kept = [getattr(loaded, "model", loaded) for loaded in keep_loaded]
    return list(memory.free_memory(memory_required, torch.device(device), kept))


def load_models_gpu(
    models: Sequence[Any],
    memory_required: float = 0,
    force_patch_weights: bool = False,
    minimum_memory_required: float | None = None,
    force_full_load: bool = False,
) -> None:
    """Load models for computing, and let others go when memory is short.

    Args:
        models: Patchers.
        memory_required: Bytes of working memory that must stay free.
        force_patch_weights: For packs; patches are always applied.
        minimum_memory_required: Bytes that must stay free even when layers are streamed.
        force_full_load: Whether no layer may be streamed.
    """
    memory.load_models_gpu(
        models, memory_required, force_patch_weights, minimum_memory_required, force_full_load
    )


def load_model_gpu(model: Any) -> None:
    """Load one model for computing."""
    sys.modules[__name__].load_models_gpu([model])


def unload_model_clones(model: Any) -> None:
    """Take a model off its device, whichever clone of it is there."""
    memory.unload_model_and_clones(model)


def unload_all_models() -> None:
    """Take all models off their devices."""
    memory.unload_all_models()


def cleanup_models() -> None:
    """Forget models that nobody holds any more."""
    memory.cleanup_models()


def cleanup_models_gc() -> None:
    """Forget models that nobody holds any more."""
    memory.cleanup_models()


def offloaded_memory(loaded: Sequence[Any], device: torch.device) -> float:
    """Return the bytes of models that wait off a device."""
    mine = [entry for entry in loaded if entry.device == device]
    return float(sum(e.model_memory() - e.model_loaded_memory() for e in mine))


def use_more_memory(extra_memory: float, loaded: Sequence[Any], device: torch.device) -> None:
    """Load more layers of streamed models while ``extra_memory`` bytes last."""
    for entry in loaded:
        if entry.device == device and entry.model is not None and extra_memory > 0:
            extra_memory -= entry.model.partially_load(device, int(extra_memory))


def maximum_vram_for_weights(device: torch.device | None = None) -> float:
    """Return the bytes of a device that weights may take."""
    total = float(get_total_memory(device))
    return 0.88 * total - float(minimum_inference_memory())


def extended_fp16_support() -> bool:
    """Tell whether half precision adds up without losing digits; not known here."""
    return False


def pick_weight_dtype(
    dtype: torch.dtype | None, fallback_dtype: torch.dtype, device: torch.device | None = None
) -> torch.dtype:
    """Return a type that a device can hold, as near as can be to the wish."""
    wanted = dtype or fallback_dtype
    if wanted.itemsize > fallback_dtype.itemsize:
        wanted = fallback_dtype
    return wanted if supports_cast(device or get_torch_device(), wanted) else fallback_dtype


def is_device_type(device: Any, kind: str) -> bool:
    """Tell whether a device is of a kind such as ``"cuda"``."""
    return getattr(device, "type", None) == kind


def is_device_cpu(device: Any) -> bool:
    """Tell whether a device is the CPU."""
    return is_device_type(device, "cpu")


def is_device_mps(device: Any) -> bool:
    """Tell whether a device is an Apple graphics processor."""
    return is_device_type(device, "mps")


def is_device_cuda(device: Any) -> bool:
    """Tell whether a device is an NVIDIA or AMD graphics card."""
    return is_device_type(device, "cuda")


def is_device_xpu(device: Any) -> bool:
    """Tell whether a device is an Intel graphics card."""
    return is_device_type(device, "xpu")


def is_intel_xpu() -> bool:
    """Tell whether an Intel graphics card computes."""
    return False


def is_ascend_npu() -> bool:
    """Tell whether an Ascend processor computes."""
    return False


def is_mlu() -> bool:
    """Tell whether an MLU processor computes."""
    return False


def is_directml_enabled() -> bool:
    """Tell whether DirectML computes."""
    return directml_enabled


def is_nvidia() -> bool:
    """Tell whether an NVIDIA card computes."""
    return cpu_state is CPUState.GPU and torch.version.cuda is not None


def is_amd() -> bool:
    """Tell whether an AMD card computes."""
    return cpu_state is CPUState.GPU and torch.version.hip is not None


def cpu_mode() -> bool:
    """Tell whether the CPU computes."""
    return cpu_state is CPUState.CPU


def mps_mode() -> bool:
    """Tell whether an Apple graphics processor computes."""
    return cpu_state is CPUState.MPS


def xformers_enabled() -> bool:
    """Tell whether attention runs through xformers; it never does here."""
    return False


def xformers_enabled_vae() -> bool:
    """Tell whether the picture encoder's attention runs through xformers."""
    return False


def pytorch_attention_enabled() -> bool:
    """Tell whether attention runs through torch's own function."""
    return ENABLE_PYTORCH_ATTENTION


def pytorch_attention_enabled_vae() -> bool:
    """Tell whether the picture encoder's attention runs through torch's own function."""
    return ENABLE_PYTORCH_ATTENTION


def sage_attention_enabled() -> bool:
    """Tell whether attention runs through SageAttention."""
    return False


def flash_attention_enabled() -> bool:
    """Tell whether attention runs through FlashAttention."""
    return False


def force_upcast_attention_dtype() -> dict[torch.dtype, torch.dtype] | None:
    """Return the types attention is computed in, by type of its inputs; None for as they are."""
    if comfy.cli_args.args.force_upcast_attention:
        return {torch.float16: torch.float32}
    return None


def force_channels_last() -> bool:
    """Tell whether networks keep channels last."""
    return bool(comfy.cli_args.args.force_channels_last)


def extra_reserved_memory() -> int:
    """Return the bytes of a graphics card that are left to other programs."""
    reserve = comfy.cli_args.args.reserve_vram
    return int(reserve * 1024**3) if reserve else 400 * 1024**2


def minimum_inference_memory() -> int:
    """Return the bytes that computing needs besides the weights."""
    return 1024**3 * 4 // 5 + extra_reserved_memory()


def raise_non_oom(error: BaseException) -> None:
    """Raise ``error`` again unless it says that memory ran out."""
    if not isinstance(error, OOM_EXCEPTION):
        raise error


def _keeps_models() -> bool:
    return vram_state in (VRAMState.HIGH_VRAM, VRAMState.SHARED)
