"""A model together with what nodes want changed about it (rules D-195, D-196).

Clones share the network. Weight patches are applied when a clone is loaded and undone when
another one is; everything else lives in ``model_options`` and in object patches.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import nn

from app.engine.models.hooks import HookGroup, hook_patches
from app.engine.models.lora_math import Patch, calculate_weight
from app.engine.models.model_options import HookMethods, ModelOptions, copy_model_options
from app.engine.models.pack_methods import PackMethods, PatcherInjection
from app.engine.models.weight_store import WeightStore

_MISSING: Any = object()


def store_of(model: nn.Module, storage_dtype: torch.dtype | None = None) -> WeightStore:
    """Return the one weight store of a network, made when there is none yet."""
    store = model.__dict__.get("weight_store")
    if not isinstance(store, WeightStore):
        store = WeightStore(model, storage_dtype)
        model.__dict__["weight_store"] = store
    return store


class ModelPatcher(HookMethods, PackMethods):
    """One view of a model.

    Args:
        model: The network; shared by all clones.
        load_device: Where it computes.
        offload_device: Where it waits.
        size: Bytes of its weights, or 0 to count them.
        weight_dtype: Type that weights are rounded to, see :class:`WeightStore`.
        compute_dtype: Type that it computes in.

    Attributes:
        patches: Full weight name -> list of patches.
        object_patches: Dotted attribute -> what stands in its place while loaded.
        model_options: Hooks; ``transformer_options`` inside.
        attachments: Objects that packs hang on.
        additional_models: Further patchers that must be loaded with this one, by key.
        resident_limit: Bytes of computing copies that loading makes at most; other layers are
            streamed. None for no limit.
        parent: The patcher this was cloned from.
    """

    def __init__(
        self,
        model: Any,
        load_device: torch.device | str = "cpu",
        offload_device: torch.device | str = "cpu",
        size: int = 0,
        weight_inplace_update: bool = False,
        *,
        weight_dtype: torch.dtype | None = None,
        compute_dtype: torch.dtype = torch.float32,
    ) -> None:
        self.model = model
        self.store = store_of(model, weight_dtype)
        self.load_device = torch.device(load_device)
        self.offload_device = torch.device(offload_device)
        self.size = size
        self.weight_inplace_update = weight_inplace_update
        self.compute_dtype = compute_dtype
        self.patches: dict[str, list[Any]] = {}
        self.patches_uuid: uuid.UUID = uuid.uuid4()
        self.object_patches: dict[str, Any] = {}
        self.object_patches_backup: dict[str, Any] = {}
        self.model_options: ModelOptions = {"transformer_options": {}}
        self.attachments: dict[str, Any] = {}
        self.additional_models: dict[str, list[Any]] = {}
        self.injections: dict[str, list[PatcherInjection]] = {}
        self.callbacks: dict[str, dict[Any, list[Callable[..., Any]]]] = {}
        self.is_injected = False
        self.resident_limit: int | None = None
        self.parent: Any = None

    def clone(self) -> Self:
        """Return another view of the same network with copies of all changes."""
        twin = self.__class__(
            self.model,
            self.load_device,
            self.offload_device,
            self.size,
            compute_dtype=self.compute_dtype,
        )
        twin.patches = {name: list(patches) for name, patches in self.patches.items()}
        twin.patches_uuid = self.patches_uuid
        twin.resident_limit = self.resident_limit
        twin.object_patches = dict(self.object_patches)
        twin.model_options = copy_model_options(self.model_options)
        twin.attachments = {
            key: value.on_model_patcher_clone()
            if hasattr(value, "on_model_patcher_clone")
            else value
            for key, value in self.attachments.items()
        }
        twin.additional_models = {
            key: [model.clone() for model in models]
            for key, models in self.additional_models.items()
        }
        twin.injections = {key: list(value) for key, value in self.injections.items()}
        twin.callbacks = {
            call: {key: list(found) for key, found in group.items()}
            for call, group in self.callbacks.items()
        }
        twin.parent = self
        for callback in self.get_all_callbacks("on_clone"):
            callback(self, twin)
        return twin

    def is_clone(self, other: Any) -> bool:
        """Tell whether ``other`` is a view of the same network."""
        return getattr(other, "model", None) is self.model

    def clone_has_same_weights(self, clone: Any) -> bool:
        """Tell whether ``clone`` would load exactly the same weights."""
        return self.is_clone(clone) and clone.patches_uuid == self.patches_uuid

    # Memory

    def model_size(self) -> int:
        """Return the bytes of the weights when loaded."""
        if self.size <= 0:
            self.size = self.store.computing_size(self.compute_dtype)
        return self.size

    def loaded_size(self) -> int:
        """Return the bytes that loading has taken so far."""
        return self.store.loaded_size()

    def memory_required(
        self, input_shape: Sequence[int], cond_shapes: Mapping[str, Any] | None = None
    ) -> float:
        """Return the working memory of one call in bytes; see ``DiffusionModel``."""
        required: float = self.model.memory_required(input_shape, cond_shapes)
        return required

    def lowvram_patch_counter(self) -> int:
        """Return how many weights are streamed."""
        return len(self.store.streamed)

    def model_dtype(self) -> torch.dtype | None:
        """Return the type that the model computes in once it is loaded."""
        return self.compute_dtype

    def set_model_compute_dtype(self, dtype: torch.dtype) -> None:
        """Compute in another type; the weights are loaded anew."""
        self.compute_dtype = dtype
        self.size = 0

    def current_loaded_device(self) -> torch.device:
        """Return where the weights lie now."""
        return self.store.device or self.offload_device

    # Patches

    def add_patches(
        self,
        patches: Mapping[Any, Any],
        strength_patch: float = 1.0,
        strength_model: float = 1.0,
    ) -> list[Any]:
        """Add weight patches behind those that are there.

        Args:
            patches: By weight name, or ``(name, (axis, start, length)[, function])``; values are
                adapters, ``(kind, arguments)`` or tensors in a tuple.
            strength_patch: Factor of the patches.
            strength_model: Factor of the weights before them.

        Returns:
            The keys whose weight exists.
        """
        added = []
        for key, value in patches.items():
            name, offset, function = key, None, None
            if not isinstance(key, str):
                name, offset = key[0], key[1]
                function = key[2] if len(key) > 2 else None
            if name not in self.store.stored:
                continue
            added.append(key)
            entry = Patch(strength_patch, value, strength_model, offset, function)
            self.patches[name] = [*self.patches.get(name, []), entry]
        self.patches_uuid = uuid.uuid4()
        return added

    def get_key_patches(self, filter_prefix: str | None = None) -> dict[str, Any]:
        """Return every weight followed by its patches, as model merging takes them."""
        result = {}
        for name in self.store.stored:
            if filter_prefix is None or name.startswith(filter_prefix):
                tensor = self.store.plain(name)
                result[name] = [(tensor, lambda weight: weight), *self.patches.get(name, [])]
        return result

    def calculate_weight(
        self,
        patches: Sequence[Any],
        weight: torch.Tensor,
        key: str,
        intermediate_dtype: torch.dtype = torch.float32,
    ) -> torch.Tensor:
        """Return a weight with patches applied; see :func:`calculate_weight`."""
        return calculate_weight(patches, weight, key, intermediate_dtype)

    def model_state_dict(self, filter_prefix: str | None = None) -> dict[str, torch.Tensor]:
        """Return the stored weights by name."""
        return {
            name: self.store.plain(name)
            for name in self.store.stored
            if filter_prefix is None or name.startswith(filter_prefix)
        }

    def patched_state_dict(self, filter_prefix: str | None = None) -> dict[str, torch.Tensor]:
        """Return the weights with patches, in the type of the file, for saving."""
        return {
            name: calculate_weight(self.patches[name], tensor.float(), name).to(tensor.dtype)
            if name in self.patches
            else tensor
            for name, tensor in self.model_state_dict(filter_prefix).items()
        }

    def add_object_patch(self, name: str, obj: Any) -> None:
        """Put ``obj`` in the place of a dotted attribute of the model while it is loaded."""
        self.object_patches[name] = obj

    def get_model_object(self, name: str) -> Any:
        """Return an attribute of the model as it will be once this patcher is loaded.

        Raises:
            AttributeError: There is none.
        """
        if name in self.object_patches:
            return self.object_patches[name]
        holder = getattr(self.model, "current_patcher", None)
        if holder is not None and name in holder.object_patches_backup:
            return holder.object_patches_backup[name]
        return _get_attribute(self.model, name)

    # Loading

    def patch_model(
        self,
        device_to: torch.device | None = None,
        lowvram_model_memory: int = 0,
        load_weights: bool = True,
        force_patch_weights: bool = False,
    ) -> Any:
        """Bring the network into the state this patcher describes, and return it.

        Args:
            device_to: Where to compute; None for :attr:`load_device`.
            lowvram_model_memory: Bytes for weights, beyond which layers are streamed; 0 for all.
            load_weights: Whether weights are loaded, or only object patches set.
            force_patch_weights: For packs; patches are always applied.
        """
        holder = getattr(self.model, "current_patcher", None)
        if holder is not None and holder is not self and holder.is_clone(self):
            holder.unpatch_objects()
        for name, obj in self.object_patches.items():
            old = _set_attribute(self.model, name, obj)
            self.object_patches_backup.setdefault(name, old)
        self.model.current_patcher = self
        if load_weights:
            device = torch.device(device_to or self.load_device)
            self.eject_model()
            self.store.load(
                device,
                self.compute_dtype,
                self.patches,
                self.patches_uuid if self.patches else None,
                lowvram_model_memory or None,
            )
            self.model.device = device
            network = getattr(self.model, "diffusion_model", None)
            if network is not None:
                network.dtype = self.compute_dtype
            for callback in self.get_all_callbacks("on_load_after"):
                callback(
                    self, device, lowvram_model_memory, force_patch_weights,
                    not lowvram_model_memory,
                )  # fmt: skip
        self.inject_model()
        return self.model

    def apply_hooks(self, group: HookGroup | None, sigma: float = 0.0) -> None:
        """Bring the loaded weights into the state that a prompt's hooks want.

        Args:
            group: The hooks, or None for this patcher's own weights.
            sigma: Noise level of the step, which keyframes look at.
        """
        store = self.store
        if store.device is None:
            return
        patches, key = self.patches, self.patches_uuid if self.patches else None
        wanted: Any = key
        if group is not None:
            sampling = self.get_model_object("model_sampling")
            strengths = group.model_strengths(sigma, sampling.percent_to_sigma)
            wanted = (key, tuple((id(hook), strength) for hook, strength in strengths))
            patches = {name: list(own) for name, own in self.patches.items()}
            for added, strength in hook_patches(self.model, strengths):
                for name, value in added.items():
                    if name in store.stored:
                        patches.setdefault(name, []).append(Patch(strength, value))
        if store.patches_uuid == wanted:
            return
        budget = store.loaded_size() if store.streamed else None
        store.load(store.device, store.dtype, patches, wanted, budget)

    def unpatch_objects(self) -> None:
        """Undo injections and object patches."""
        self.eject_model()
        for name, old in self.object_patches_backup.items():
            _set_attribute(self.model, name, old)
        self.object_patches_backup.clear()

    def unpatch_model(
        self, device_to: torch.device | None = None, unpatch_weights: bool = True
    ) -> None:
        """Undo everything; with ``unpatch_weights`` let go of the computing copies as well."""
        self.unpatch_objects()
        if unpatch_weights:
            self.store.unload()
            self.model.device = self.offload_device
        if getattr(self.model, "current_patcher", None) is self:
            self.model.current_patcher = None

    def partially_load(
        self, device_to: torch.device, extra_memory: int = 0, force_patch_weights: bool = False
    ) -> int:
        """Load with a budget of what is loaded now and ``extra_memory``; return the bytes added."""
        before = self.loaded_size()
        budget = before + extra_memory
        self.patch_model(device_to, 0 if budget >= self.model_size() else max(1, budget))
        return self.loaded_size() - before

    def partially_unload(self, device_to: torch.device, memory_to_free: int = 0) -> int:
        """Stream enough layers to free ``memory_to_free`` bytes; return what was freed."""
        before = self.loaded_size()
        if not before:
            return 0
        self.patch_model(self.store.device, max(1, before - memory_to_free))
        return before - self.loaded_size()

    def detach(self, unpatch_all: bool = True) -> Any:
        """Take the model out of the device and return it."""
        if unpatch_all:
            self.unpatch_model(self.offload_device)
        for callback in self.get_all_callbacks("on_detach_after"):
            callback(self, unpatch_all)
        return self.model

    @contextlib.contextmanager
    def use_ejected(self, skip_and_inject_on_exit_only: bool = False) -> Iterator[None]:
        """Run a block without the injections of packs."""
        was_injected = self.is_injected
        self.eject_model()
        try:
            yield
        finally:
            if was_injected or skip_and_inject_on_exit_only:
                self.inject_model()

    def pre_run(self) -> None:
        """Tell packs that a sampling run begins."""
        for callback in self.get_all_callbacks("on_pre_run"):
            callback(self)

    def prepare_state(self, timestep: Any, model_options: ModelOptions | None = None) -> None:
        """Tell packs which step comes."""
        for callback in self.get_all_callbacks("on_prepare_state"):
            callback(self, timestep)

    def cleanup(self) -> None:
        """Tell packs that a sampling run is over."""
        for callback in self.get_all_callbacks("on_cleanup"):
            callback(self)

    @contextlib.contextmanager
    def prepare_sampling(
        self, noise_shape: Sequence[int], conds: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Load this model and what its prompts need for a run, and clean up behind it.

        Args:
            noise_shape: Shape of the latent batch.
            conds: Entries of the prompts by role; their ControlNets are loaded too.
        """
        from app.engine.models.memory import load_models_gpu

        models: list[Any] = [self, *self.model_patches_models()]
        extra = 0.0
        for entry in (item for entries in (conds or {}).values() for item in entries or ()):
            control = entry.get("control")
            if control is not None:
                models.extend(control.get_models())
                extra += control.inference_memory_requirements(self.compute_dtype)
            if entry.get("gligen") is not None:
                models.append(entry["gligen"][1].patcher)
        # Two prompts are computed at once where memory allows, one where it does not.
        whole = self.memory_required([noise_shape[0] * 2, *noise_shape[1:]])
        half = self.memory_required(list(noise_shape))
        load_models_gpu(models, whole + extra, minimum_memory_required=half + extra)
        self.pre_run()
        try:
            yield
        finally:
            self.apply_hooks(None)
            self.cleanup()

    def model_patches_models(self) -> list[Any]:
        """Return patchers that hooks in the options hold."""
        transformer = self.model_options.get("transformer_options", {})
        hooks = [
            hook
            for table in (transformer.get("patches", {}), transformer.get("patches_replace", {}))
            for group in table.values()
            for hook in (group.values() if isinstance(group, dict) else group)
        ]
        return [model for hook in hooks if hasattr(hook, "models") for model in hook.models()]


def _get_attribute(root: Any, name: str) -> Any:
    for part in name.split("."):
        root = getattr(root, part)
    return root


def _set_attribute(root: Any, name: str, value: Any) -> Any:
    """Set a dotted attribute and return the old value."""
    path, _, last = name.rpartition(".")
    owner = _get_attribute(root, path) if path else root
    old = getattr(owner, last, _MISSING)
    if value is _MISSING:
        delattr(owner, last)
    else:
        setattr(owner, last, value)
    return old
