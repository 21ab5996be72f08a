"""What packs hang on a patcher: objects, callbacks, wrappers, injections, further models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class PatcherInjection:
    """Two functions that a pack runs when its patcher goes into the network and out again."""

    def __init__(self, inject: Callable[[Any], None], eject: Callable[[Any], None]) -> None:
        self.inject = inject
        self.eject = eject


class PackMethods:
    """The methods of a patcher that its own work does not need.

    Attributes:
        model_options: Hooks; wrappers lie in its ``transformer_options``.
        attachments: Objects by key.
        additional_models: Further patchers by key.
        injections: What is run when the patcher goes into the network and out again.
        callbacks: By kind and key.
        is_injected: Whether the injections are in the network.
    """

    model_options: dict[str, Any]
    attachments: dict[str, Any]
    additional_models: dict[str, list[Any]]
    injections: dict[str, list[PatcherInjection]]
    callbacks: dict[str, dict[Any, list[Callable[..., Any]]]]
    is_injected: bool

    @property
    def wrappers(self) -> dict[str, dict[Any, list[Callable[..., Any]]]]:
        """Wrappers by kind and key, as sampling and the networks read them."""
        transformer = self.model_options.setdefault("transformer_options", {})
        table: dict[str, dict[Any, list[Callable[..., Any]]]] = transformer.setdefault(
            "wrappers", {}
        )
        return table

    def set_attachments(self, key: str, attachment: Any) -> None:
        """Hang an object on this patcher; its clones carry it too."""
        self.attachments[key] = attachment

    def get_attachment(self, key: str) -> Any:
        """Return an attached object, or None."""
        return self.attachments.get(key)

    def remove_attachments(self, key: str) -> None:
        """Take an attached object off."""
        self.attachments.pop(key, None)

    def set_injections(self, key: str, injections: Sequence[PatcherInjection]) -> None:
        """Set what is run when this patcher goes into the network and out of it."""
        self.injections[key] = list(injections)

    def remove_injections(self, key: str) -> None:
        """Forget injections."""
        self.injections.pop(key, None)

    def get_injections(self, key: str) -> list[PatcherInjection] | None:
        """Return the injections of a key, or None."""
        return self.injections.get(key)

    def inject_model(self) -> None:
        """Run all injections, once."""
        if self.is_injected:
            return
        for injection in (item for group in self.injections.values() for item in group):
            injection.inject(self)
            self.is_injected = True
        if self.is_injected:
            for callback in self.get_all_callbacks("on_inject_model"):
                callback(self)

    def eject_model(self) -> None:
        """Undo all injections."""
        if not self.is_injected:
            return
        for injection in (item for group in self.injections.values() for item in group):
            injection.eject(self)
        self.is_injected = False
        for callback in self.get_all_callbacks("on_eject_model"):
            callback(self)

    def add_callback(self, call_type: str, callback: Callable[..., Any]) -> None:
        """Call a function at ``on_clone``, ``on_pre_run``, ``on_cleanup``, ..."""
        self.add_callback_with_key(call_type, None, callback)

    def add_callback_with_key(self, call_type: str, key: Any, callback: Callable[..., Any]) -> None:
        """Add a callback that can be removed by its key."""
        self.callbacks.setdefault(call_type, {}).setdefault(key, []).append(callback)

    def remove_callbacks_with_key(self, call_type: str, key: Any) -> None:
        """Remove the callbacks of a key."""
        self.callbacks.get(call_type, {}).pop(key, None)

    def get_all_callbacks(self, call_type: str) -> list[Callable[..., Any]]:
        """Return all callbacks of a kind in the order added."""
        return [item for group in self.callbacks.get(call_type, {}).values() for item in group]

    def add_wrapper(self, wrapper_type: str, wrapper: Callable[..., Any]) -> None:
        """Lay a function around one of ours; see :mod:`app.engine.models.wrappers`."""
        self.add_wrapper_with_key(wrapper_type, None, wrapper)

    def add_wrapper_with_key(
        self, wrapper_type: str, key: Any, wrapper: Callable[..., Any]
    ) -> None:
        """Add a wrapper that can be removed by its key."""
        kind = self.wrappers.setdefault(wrapper_type, {})
        kind[key] = [*kind.get(key, []), wrapper]

    def remove_wrappers_with_key(self, wrapper_type: str, key: Any) -> None:
        """Remove the wrappers of a key."""
        self.wrappers.get(wrapper_type, {}).pop(key, None)

    def get_wrappers(self, wrapper_type: str, key: Any) -> list[Callable[..., Any]]:
        """Return the wrappers of a key."""
        return list(self.wrappers.get(wrapper_type, {}).get(key, []))

    def get_all_wrappers(self, wrapper_type: str) -> list[Callable[..., Any]]:
        """Return all wrappers of a kind in the order added."""
        return [item for group in self.wrappers.get(wrapper_type, {}).values() for item in group]

    def set_additional_models(self, key: str, models: Sequence[Any]) -> None:
        """Set patchers that must be loaded together with this one."""
        self.additional_models[key] = list(models)

    def remove_additional_models(self, key: str) -> None:
        """Forget patchers that were loaded with this one."""
        self.additional_models.pop(key, None)

    def get_additional_models_with_key(self, key: str) -> list[Any]:
        """Return the further patchers of a key."""
        return list(self.additional_models.get(key, []))

    def get_additional_models(self) -> list[Any]:
        """Return all further patchers."""
        return [model for group in self.additional_models.values() for model in group]

    def get_nested_additional_models(self) -> list[Any]:
        """Return further patchers, theirs included, each once."""
        found: list[Any] = []
        waiting = self.get_additional_models()
        while waiting:
            model = waiting.pop(0)
            if model not in found:
                found.append(model)
                waiting.extend(model.get_additional_models())
        return found
