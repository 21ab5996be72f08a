"""``comfy.supported_models_base``: what a family is, for packs that ask."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.engine.models.model_config import ModelConfig


class KindMeta(type):
    """Takes a loaded model's configuration for an instance of the class of its family."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, ModelConfig):
            families = cls.__dict__.get("families")
            return families is None or instance.family.name in families
        return super().__instancecheck__(instance)


class BASE(metaclass=KindMeta):
    """Every configuration of a loaded model is an instance of it."""


class ClipTarget(NamedTuple):
    """Which tokenizer and text encoder a family takes."""

    tokenizer: Any
    clip: Any
    params: dict[str, Any] = {}


def kind(name: str, *families: str) -> Any:
    """Return a class whose instances are the configurations of some families."""
    body = {
        "families": (name, *families),
        "__module__": "comfy.supported_models",
        "__doc__": f"Configurations of the family {name} are instances of it.",
    }
    return KindMeta(name, (BASE,), body)
