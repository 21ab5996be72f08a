"""``comfy.patcher_extension``: functions that packs lay around ours, and calls at set moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.engine.models.pack_methods import PatcherInjection
from app.engine.models.wrappers import WrapperExecutor

__all__ = [
    "CallbacksMP",
    "PatcherInjection",
    "WrapperExecutor",
    "WrappersMP",
    "add_callback",
    "add_callback_with_key",
    "add_wrapper",
    "add_wrapper_with_key",
    "copy_nested_dicts",
    "get_all_callbacks",
    "get_all_wrappers",
    "get_callbacks_with_key",
    "get_wrappers_with_key",
    "merge_nested_dicts",
]

Function = Callable[..., Any]
Options = dict[str, Any]


class CallbacksMP:
    """Moments in a patcher's life."""

    ON_CLONE = "on_clone"
    ON_LOAD = "on_load_after"
    ON_DETACH = "on_detach_after"
    ON_CLEANUP = "on_cleanup"
    ON_PRE_RUN = "on_pre_run"
    ON_PREPARE_STATE = "on_prepare_state"
    ON_APPLY_HOOKS = "on_apply_hooks"
    ON_REGISTER_ALL_HOOK_PATCHES = "on_register_all_hook_patches"
    ON_INJECT_MODEL = "on_inject_model"
    ON_EJECT_MODEL = "on_eject_model"

    @classmethod
    def init_callbacks(cls) -> dict[str, dict[Any, list[Function]]]:
        """Return an empty table with a place for each moment."""
        return {name: {} for key, name in vars(cls).items() if key.startswith("ON_")}


class WrappersMP:
    """Functions of the host that packs may lay others around."""

    OUTER_SAMPLE = "outer_sample"
    PREPARE_SAMPLING = "prepare_sampling"
    SAMPLER_SAMPLE = "sampler_sample"
    PREDICT_NOISE = "predict_noise"
    CALC_COND_BATCH = "calc_cond_batch"
    APPLY_MODEL = "apply_model"
    DIFFUSION_MODEL = "diffusion_model"

    @classmethod
    def init_wrappers(cls) -> dict[str, dict[Any, list[Function]]]:
        """Return an empty table with a place for each function."""
        return {name: {} for key, name in vars(cls).items() if key.isupper()}


def _table(options: Options, kind: str, is_model_options: bool) -> dict[str, dict[Any, Any]]:
    if is_model_options:
        options = options.setdefault("transformer_options", {})
    table: dict[str, dict[Any, Any]] = options.setdefault(kind, {})
    return table


def _add(table: dict[str, dict[Any, Any]], call_type: str, key: Any, function: Function) -> None:
    group = table.setdefault(call_type, {})
    group[key] = [*group.get(key, []), function]


def add_callback(
    call_type: str,
    callback: Function,
    transformer_options: Options,
    is_model_options: bool = False,
) -> None:
    """Add a callback to options."""
    add_callback_with_key(call_type, None, callback, transformer_options, is_model_options)


def add_callback_with_key(
    call_type: str,
    key: Any,
    callback: Function,
    transformer_options: Options,
    is_model_options: bool = False,
) -> None:
    """Add a callback to options, under a key."""
    _add(_table(transformer_options, "callbacks", is_model_options), call_type, key, callback)


def get_callbacks_with_key(
    call_type: str, key: Any, transformer_options: Options, is_model_options: bool = False
) -> list[Function]:
    """Return the callbacks of a key."""
    table = _table(transformer_options, "callbacks", is_model_options)
    return list(table.get(call_type, {}).get(key, []))


def get_all_callbacks(
    call_type: str, transformer_options: Options, is_model_options: bool = False
) -> list[Function]:
    """Return all callbacks of a kind, in the order added."""
    table = _table(transformer_options, "callbacks", is_model_options)
    return [function for group in table.get(call_type, {}).values() for function in group]


def add_wrapper(
    wrapper_type: str,
    wrapper: Function,
    transformer_options: Options,
    is_model_options: bool = False,
) -> None:
    """Add a wrapper to options."""
    add_wrapper_with_key(wrapper_type, None, wrapper, transformer_options, is_model_options)


def add_wrapper_with_key(
    wrapper_type: str,
    key: Any,
    wrapper: Function,
    transformer_options: Options,
    is_model_options: bool = False,
) -> None:
    """Add a wrapper to options, under a key."""
    _add(_table(transformer_options, "wrappers", is_model_options), wrapper_type, key, wrapper)


def get_wrappers_with_key(
    wrapper_type: str, key: Any, transformer_options: Options, is_model_options: bool = False
) -> list[Function]:
    """Return the wrappers of a key."""
    table = _table(transformer_options, "wrappers", is_model_options)
    return list(table.get(wrapper_type, {}).get(key, []))


def get_all_wrappers(
    wrapper_type: str, transformer_options: Options, is_model_options: bool = False
) -> list[Function]:
    """Return all wrappers of a kind, in the order added."""
    table = _table(transformer_options, "wrappers", is_model_options)
    return [function for group in table.get(wrapper_type, {}).values() for function in group]


def copy_nested_dicts(input_dict: Options) -> Options:
    """Return a copy whose dictionaries and lists are new."""
    copied: Options = {}
    for key, value in input_dict.items():
        if isinstance(value, dict):
            copied[key] = copy_nested_dicts(value)
        else:
            copied[key] = list(value) if isinstance(value, list) else value
    return copied


def merge_nested_dicts(dict1: Options, dict2: Options, copy_dict1: bool = True) -> Options:
    """Return the first with what the second adds: dictionaries and lists are joined."""
    merged = copy_nested_dicts(dict1) if copy_dict1 else dict1
    for key, value in dict2.items():
        if isinstance(value, dict):
            merged[key] = merge_nested_dicts(merged.get(key, {}), value)
        elif isinstance(value, list):
            merged[key] = [*merged.get(key, []), *value]
        else:
            merged[key] = value
    return merged
