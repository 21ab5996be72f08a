"""Functions that packs lay around ours: the innermost is ours, the first added is outermost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

OUTER_SAMPLE: Final = "outer_sample"
SAMPLER_SAMPLE: Final = "sampler_sample"
PREDICT_NOISE: Final = "predict_noise"
CALC_COND_BATCH: Final = "calc_cond_batch"
PREPARE_SAMPLING: Final = "prepare_sampling"
APPLY_MODEL: Final = "apply_model"
DIFFUSION_MODEL: Final = "diffusion_model"


class WrapperExecutor:
    """Calls the wrappers of one kind, each of which may call the next.

    A wrapper gets this object and the call's arguments; ``executor(*args)`` goes on,
    ``executor.class_obj`` is the object whose method is wrapped.

    Attributes:
        original: The wrapped function.
        class_obj: Object the function belongs to, or None.
        wrappers: Outermost first.
        idx: Place of the next wrapper to call.
    """

    def __init__(
        self,
        original: Callable[..., Any],
        class_obj: Any,
        wrappers: Sequence[Callable[..., Any]],
        idx: int = 0,
    ) -> None:
        self.original = original
        self.class_obj = class_obj
        self.wrappers = list(wrappers)
        self.idx = idx

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call what lies further in."""
        following = self.__class__(self.original, self.class_obj, self.wrappers, self.idx + 1)
        return following.execute(*args, **kwargs)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapper at ``idx``, or the wrapped function behind the last one."""
        if self.idx >= len(self.wrappers):
            return self.original(*args, **kwargs)
        return self.wrappers[self.idx](self, *args, **kwargs)

    @classmethod
    def new_executor(
        cls, original: Callable[..., Any], wrappers: Sequence[Callable[..., Any]], idx: int = 0
    ) -> Self:
        """Return an executor for a plain function."""
        return cls(original, None, wrappers, idx)

    @classmethod
    def new_class_executor(
        cls,
        original: Callable[..., Any],
        class_obj: Any,
        wrappers: Sequence[Callable[..., Any]],
        idx: int = 0,
    ) -> Self:
        """Return an executor for a method of ``class_obj``."""
        return cls(original, class_obj, wrappers, idx)


def all_wrappers(kind: str, options: Mapping[str, Any] | None) -> list[Callable[..., Any]]:
    """Return the wrappers of ``kind`` in ``transformer_options``, in the order added."""
    table = (options or {}).get("wrappers", {}).get(kind, {})
    return [wrapper for group in table.values() for wrapper in group]
