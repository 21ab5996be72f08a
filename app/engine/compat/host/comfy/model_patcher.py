"""``comfy.model_patcher``: models with what nodes change about them."""

from __future__ import annotations

from app.engine.models.model_options import (
    create_model_options_clone,
    set_model_options_patch_replace,
    set_model_options_post_cfg_function,
    set_model_options_pre_cfg_function,
)
from app.engine.models.pack_methods import PatcherInjection
from app.engine.models.patcher import ModelPatcher

__all__ = [
    "ModelPatcher",
    "PatcherInjection",
    "create_model_options_clone",
    "set_model_options_patch_replace",
    "set_model_options_post_cfg_function",
    "set_model_options_pre_cfg_function",
]
