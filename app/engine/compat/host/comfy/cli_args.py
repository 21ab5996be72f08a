"""``comfy.cli_args``: the options packs read, and sometimes write, with their defaults."""

from __future__ import annotations

import argparse
import enum
from typing import Any

from app.engine.compat import session


class LatentPreviewMethod(enum.Enum):
    """How the work so far is shown while sampling."""

    NoPreviews = "none"
    Auto = "auto"
    Latent2RGB = "latent2rgb"
    TAESD = "taesd"

    @classmethod
    def from_string(cls, value: str) -> LatentPreviewMethod | None:
        """Return the method of that name, or None."""
        return next((method for method in cls if method.value == value), None)


class PerformanceFeature(enum.Enum):
    """Short cuts that trade exactness for speed."""

    Fp16Accumulation = "fp16_accumulation"
    Fp8MatrixMultiplication = "fp8_matrix_mult"
    CublasOps = "cublas_ops"
    AutoTune = "autotune"


_OFF = (
    "async_offload auto_launch bf16_text_enc bf16_unet bf16_vae cache_classic cache_none cpu "
    "cpu_vae cuda_malloc deterministic disable_all_custom_nodes disable_api_nodes "
    "disable_assets_autoscan disable_async_offload disable_auto_launch disable_cuda_malloc "
    "disable_ipex_optimize disable_manager_ui disable_metadata disable_mmap "
    "disable_pinned_memory disable_smart_memory disable_xformers dont_print_server "
    "dont_upcast_attention enable_compress_response_body enable_manager "
    "enable_manager_legacy_ui force_channels_last force_fp16 force_fp32 force_non_blocking "
    "force_upcast_attention fp16_text_enc fp16_unet fp16_vae fp32_text_enc fp32_unet fp32_vae "
    "fp64_unet fp8_e4m3fn_text_enc fp8_e4m3fn_unet fp8_e5m2_text_enc fp8_e5m2_unet "
    "fp8_e8m0fnu_unet gpu_only highvram log_stdout lowvram mmap_torch_files multi_user "
    "normalvram novram quick_test_for_ci supports_fp8_compute use_flash_attention "
    "use_pytorch_cross_attention use_quad_cross_attention use_sage_attention "
    "use_split_cross_attention windows_standalone_build"
)
"""Options that are switches, all off."""

_NONE = (
    "cache_ram cuda_device default_device directml enable_cors_header extra_model_paths_config "
    "front_end_root oneapi_device_selector reserve_vram tls_certfile tls_keyfile"
)
"""Options that have no value unless given."""


def _defaults() -> dict[str, Any]:
    folders = session.current().folders
    values: dict[str, Any] = dict.fromkeys(_OFF.split(), False)
    values |= dict.fromkeys(_NONE.split())
    return values | {
        "base_directory": folders.base_path,
        "cache_lru": 0,
        "comfy_api_base": "https://api.comfy.org",
        "database_url": "",
        "default_hashing_function": "sha256",
        "fast": set(),
        "front_end_version": "comfyanonymous/ComfyUI@latest",
        "input_directory": None,
        "listen": "127.0.0.1",
        "max_upload_size": 100,
        "output_directory": None,
        "port": 8188,
        "preview_method": LatentPreviewMethod.Auto,
        "preview_size": 512,
        "temp_directory": None,
        "user_directory": None,
        "verbose": "INFO",
        "whitelist_custom_nodes": [],
    }


args = argparse.Namespace(**_defaults())
"""What a command line without options gives."""
