"""The weights of one network: as its file stores them, and as they compute now.

The stored tensors are mapped from the file and never change, so undoing a patch means taking
the stored tensor again. Computing copies exist only while the network is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from app.engine.models.lora_math import calculate_weight
from app.engine.models.ops import Embedding, Streaming, owner, set_tensor
from app.engine.models.scaled_weights import scaled

Patches = Mapping[str, Sequence[Any]]


class WeightStore:
    """Loads, patches and unloads the tensors of a network.

    Args:
        module: The network; filled from a file.
        storage_dtype: Type that floating point weights are rounded to before they are used, or
            None. Text encoders are rounded to float16 (rule D-156).

    Attributes:
        stored: Every parameter and buffer as in the file.
        scales: Factors of weights that are stored in eight bits, by name.
        unrounded: What the names of weights begin with that keep the file's type, where that
            has no more bits than ``storage_dtype``.
        patches_uuid: Which patcher's patches are in the weights now, or None.
        device: Where the loaded weights lie, or None when nothing is loaded.
        dtype: Type they compute in.
        streamed: Names of weights that are converted at each call because memory is short.
        seldom: What the names of weights begin with that are used too seldom for a copy; they
            are converted at each call however much memory there is.

    Tables of rows, such as those of words, are not copied either: a prompt needs a hundred of
    their fifty thousand rows. Only one that is patched or has a scale is.
    """

    def __init__(self, module: nn.Module, storage_dtype: torch.dtype | None = None) -> None:
        self.module = module
        self.storage_dtype = storage_dtype
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self.stored: dict[str, torch.Tensor] = {
            name: tensor.detach() for name, tensor in tensors.items()
        }
        self._tables = {
            f"{path}.weight" if path else "weight"
            for path, layer in module.named_modules()
            if isinstance(layer, Embedding)
        }
        self.scales: Mapping[str, torch.Tensor] = {}
        self.unrounded: tuple[str, ...] = ()
        self.seldom: tuple[str, ...] = ()
        self.patches_uuid: Any = None
        self.patched: set[str] = set()
        self.device: torch.device | None = None
        self.dtype: torch.dtype = torch.float32
        self.streamed: set[str] = set()
        # False while weights are being changed; an interrupt or missing memory leaves it so.
        self._is_whole = True

    def size(self) -> int:
        """Return the bytes of all weights as stored."""
        return sum(tensor.nbytes for tensor in self.stored.values())

    def computing_size(self, dtype: torch.dtype) -> int:
        """Return the bytes of all weights when they are loaded in ``dtype``."""
        return sum(
            self._computing_bytes(tensor, dtype)
            for name, tensor in self.stored.items()
            if not self._stays_stored(name)
        )

    def loaded_size(self) -> int:
        """Return the bytes of computing copies that exist now."""
        if self.device is None:
            return 0
        return sum(
            self._computing_bytes(tensor, self.dtype)
            for name, tensor in self.stored.items()
            if name not in self.streamed
            if not self._stays_stored(name, self.patched)
        )

    def load(
        self,
        device: torch.device,
        dtype: torch.dtype,
        patches: Patches,
        patches_uuid: Any,
        budget: int | None = None,
    ) -> None:
        """Make computing copies of the weights, patched.

        Args:
            device: Where to compute.
            dtype: Type to compute in.
            patches: By full weight name.
            patches_uuid: Identifies ``patches``; equal ones are not applied again.
            budget: Bytes for computing copies; layers beyond it are streamed. None is no limit.

        An error in the middle, such as missing memory, leaves the store fit for another
        :meth:`load` or :meth:`unload`.
        """
        same_place = self._is_whole and self.device == device and self.dtype == dtype
        streamed = self._choose_streamed(dtype, budget)
        if same_place and patches_uuid == self.patches_uuid and streamed == self.streamed:
            return
        if same_place:
            names = self.patched | set(patches) | (streamed ^ self.streamed)
        else:
            names = set(self.stored)
        self._is_whole = False
        self.device, self.dtype, self.streamed = device, dtype, streamed
        for name in self.stored:
            if name in names:
                self._place(name, patches.get(name, ()))
        self.patched = set(patches) & set(self.stored)
        self.patches_uuid = patches_uuid
        self._is_whole = True

    def unload(self) -> None:
        """Put the stored tensors back and let go of all copies."""
        if self.device is None:
            return
        self._is_whole = False
        for name, tensor in self.stored.items():
            layer, last = owner(self.module, name)
            if isinstance(layer, Streaming):
                layer.streams = False
                _set_functions(layer, last, ())
            set_tensor(self.module, name, tensor)
        self.device = None
        self.streamed = set()
        self.patched = set()
        self.patches_uuid = None
        self._is_whole = True

    def replace(self, name: str, tensor: torch.Tensor) -> None:
        """Take ``tensor`` as what the file stores under ``name``.

        Raises:
            KeyError: There is no such weight.
        """
        if name not in self.stored:
            raise KeyError(name)
        self.stored[name] = tensor.detach()
        if self.device is None:
            set_tensor(self.module, name, tensor.detach())

    def computed(self, name: str, patches: Sequence[Any] = ()) -> torch.Tensor:
        """Return a weight as it is used: rounded, patched, in the type that it computes in."""
        tensor = self.stored[name]
        if not tensor.is_floating_point():
            return tensor.to(self.device)
        storage = self._rounded_to(name)
        if name in self.scales:
            rounded = scaled(tensor.to(self.device), self.scales[name])
        else:
            rounded = tensor if storage is None else tensor.to(storage)
        if patches:
            changed = calculate_weight(patches, rounded.to(self.device, torch.float32), name)
            rounded = changed if storage is None else changed.to(storage)
        return rounded.to(self.device, self.dtype)

    def plain(self, name: str) -> torch.Tensor:
        """Return a weight as the file stores it; one with a factor becomes bfloat16."""
        if name in self.scales:
            return scaled(self.stored[name], self.scales[name]).to(torch.bfloat16)
        return self.stored[name]

    def _rounded_to(self, name: str) -> torch.dtype | None:
        """Return the type that a weight is rounded to before it is used, or None."""
        if self.storage_dtype is None or name in self.scales:
            return None
        fits = self.stored[name].dtype.itemsize <= self.storage_dtype.itemsize
        return None if fits and name.startswith(self.unrounded) else self.storage_dtype

    def _stays_stored(self, name: str, patched: Collection[str] = ()) -> bool:
        """Tell whether a weight is never copied, however much memory there is."""
        is_plain_table = name in self._tables and name not in self.scales and name not in patched
        return is_plain_table or name.startswith(self.seldom)

    def _place(self, name: str, patches: Sequence[Any]) -> None:
        layer, last = owner(self.module, name)
        if isinstance(layer, Streaming):
            changed = (name,) if patches else ()
            layer.streams = name in self.streamed or self._stays_stored(name, changed)
            functions: tuple[Any, ...] = ()
            if layer.streams:
                storage = self._rounded_to(name)
                if name in self.scales:
                    functions = (functools.partial(_times, scale=self.scales[name]),)
                elif storage not in (None, self.stored[name].dtype):
                    functions = (functools.partial(_round, storage=storage),)
                if patches:
                    functions += (functools.partial(self._patch, patches=patches, name=name),)
            _set_functions(layer, last, functions)
            if layer.streams:
                set_tensor(self.module, name, self.stored[name])
                return
        set_tensor(self.module, name, self.computed(name, patches))

    def _patch(self, weight: torch.Tensor, patches: Sequence[Any], name: str) -> torch.Tensor:
        changed = calculate_weight(patches, weight.float(), name).to(weight.dtype)
        storage = self._rounded_to(name)
        return changed if storage is None else _round(changed, storage)

    def _choose_streamed(self, dtype: torch.dtype, budget: int | None) -> set[str]:
        """Return the weights for which ``budget`` does not suffice, whole layers at a time."""
        if budget is None:
            return set()
        layers: dict[str, list[str]] = {}
        for name in self.stored:
            if not self._stays_stored(name):
                layers.setdefault(name.rpartition(".")[0], []).append(name)
        streamed: set[str] = set()
        left = budget
        for path, names in layers.items():
            layer = self.module.get_submodule(path) if path else self.module
            size = sum(self._computing_bytes(self.stored[name], dtype) for name in names)
            # Factors and patches of a table are for all of it, not for the rows that are asked for.
            if isinstance(layer, Streaming) and not isinstance(layer, Embedding) and size > left:
                streamed.update(names)
            else:
                left -= size
        return streamed

    @staticmethod
    def _computing_bytes(tensor: torch.Tensor, dtype: torch.dtype) -> int:
        size = dtype.itemsize if tensor.is_floating_point() else tensor.dtype.itemsize
        return tensor.numel() * size


def _round(weight: torch.Tensor, storage: torch.dtype) -> torch.Tensor:
    return weight.to(storage).to(weight.dtype)


def _times(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return scaled(weight, scale).to(weight.dtype)


def _set_functions(layer: Streaming, last: str, functions: tuple[Any, ...]) -> None:
    if last == "weight":
        layer.weight_functions = functions
    else:
        layer.bias_functions = functions
