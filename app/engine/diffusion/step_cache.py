"""Leave out evaluations whose result would hardly change, and go on with a guess instead.

Source: Zhou et al. 2025, "Less is Enough: Training-Free Video Diffusion Acceleration via
Runtime-Adaptive Caching" (arXiv:2507.02860). How much the output changed for each change of the
input was measured at the last two computed evaluations; as long as the changes guessed from it
add up to less than a threshold, what the network added to its input is added again.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import torch

from app.engine.models.wrappers import (
    CALC_COND_BATCH,
    DIFFUSION_MODEL,
    OUTER_SAMPLE,
    PREDICT_NOISE,
    WrapperExecutor,
)

log = logging.getLogger("easel.models")


def _size(tensor: torch.Tensor) -> float:
    return float(tensor.float().abs().mean())


class OutputGuess:
    """Guesses the output for an input that is near the last one.

    Args:
        threshold: Relative change of the output, added up, from which it is computed again.

    Attributes:
        change: What the guesses since the last computed output add up to.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.change = 0.0
        self._rate: float | None = None
        self._seen: torch.Tensor | None = None
        self._computed: tuple[torch.Tensor, torch.Tensor] | None = None

    def is_close(self, x: torch.Tensor) -> bool:
        """Tell whether a guess will do for ``x``, and count the change towards it."""
        if self._rate is None or self._seen is None or self._computed is None:
            return False
        size = _size(self._computed[1])
        if size == 0:
            return False
        part = self._part(x)
        moved = _size(part - self._seen)
        self._seen = part.clone()
        self.change += self._rate * moved / size
        return self.change < self.threshold

    def output(self, x: torch.Tensor) -> torch.Tensor | None:
        """Return the guess ``(batch, channels, ...)`` for ``x``, or None without a basis."""
        if self._computed is None:
            return None
        known, output = self._computed
        return self._part(x) + (output - known)

    def record(self, x: torch.Tensor, output: torch.Tensor) -> None:
        """Learn from a computed output; one of another size than its input teaches nothing."""
        if output.ndim != x.ndim or output.shape[1] > x.shape[1]:
            return
        # What lies beside the latent, such as the mask of an inpainting model, stays out of it.
        part = x[:, : output.shape[1]]
        if part.shape != output.shape:
            return
        if self._computed is not None:
            moved = _size(part - self._computed[0])
            if moved > 0:
                self._rate = _size(output - self._computed[1]) / moved
        # Samplers may change their tensors in place.
        self._computed = (part.clone(), output.clone())
        self._seen = self._computed[0]
        self.change = 0.0

    def _part(self, x: torch.Tensor) -> torch.Tensor:
        assert self._computed is not None
        return x[:, : self._computed[1].shape[1]]


@dataclass(slots=True)
class _Run:
    """What one run has seen.

    Attributes:
        highest: Noise level at which guessing begins.
        lowest: Noise level at which it ends.
        guesses: By what is evaluated.
        level: Noise level of the evaluation under way.
        place: Which evaluation at that level it is; guidance may evaluate more than once.
        reuses: Whether guesses stand for this evaluation; None until its first call.
        evaluations: How many there were.
        left_out: How many of them were guessed.
    """

    highest: float
    lowest: float
    guesses: dict[Hashable, OutputGuess] = field(default_factory=dict)
    level: float = float("nan")
    place: int = 0
    reuses: bool | None = None
    evaluations: int = 0
    left_out: int = 0

    def begin(self, level: float) -> None:
        """Begin an evaluation."""
        self.place = self.place + 1 if level == self.level else 0
        self.level = level
        self.reuses = None if self.lowest <= level <= self.highest else False
        self.evaluations += 1


class StepCache:
    """Lies around a model and leaves out evaluations during a part of each run.

    Args:
        name: Of the node, for the log.
        threshold: See :class:`OutputGuess`.
        start_percent: Share of the run, 0 to 1, after which guessing begins.
        end_percent: Share after which it ends.
        tells_each: Whether every evaluation is written to the log.
    """

    def __init__(
        self,
        name: str,
        threshold: float,
        start_percent: float,
        end_percent: float,
        tells_each: bool = False,
    ) -> None:
        self.name = name
        self.threshold = threshold
        self.start_percent = start_percent
        self.end_percent = end_percent
        self.tells_each = tells_each
        self._run: _Run | None = None

    def around_network(self, model: Any) -> Any:
        """Return a clone of a patcher that guesses what its network gives for each prompt."""
        kinds = {CALC_COND_BATCH: self._evaluate, DIFFUSION_MODEL: self._call_network}
        return self._wrap(model, {OUTER_SAMPLE: self._sample, **kinds})

    def around_prediction(self, model: Any) -> Any:
        """Return a clone of a patcher that guesses the denoised latent, guidance included."""
        return self._wrap(model, {OUTER_SAMPLE: self._sample, PREDICT_NOISE: self._predict})

    def _wrap(self, model: Any, functions: dict[str, Any]) -> Any:
        changed = model.clone()
        for kind, function in functions.items():
            changed.remove_wrappers_with_key(kind, self.name)
            changed.add_wrapper_with_key(kind, self.name, function)
        return changed

    def _sample(self, executor: WrapperExecutor, *args: Any, **kwargs: Any) -> Any:
        table = executor.class_obj.model_patcher.get_model_object("model_sampling")
        outer = self._run
        run = self._run = _Run(
            float(table.percent_to_sigma(self.start_percent)),
            float(table.percent_to_sigma(self.end_percent)),
        )
        try:
            return executor(*args, **kwargs)
        finally:
            # The tensors of a run go with it; a run within a run has its own.
            self._run = outer
            log.info("%s left out %d of %d evaluations.", self.name, run.left_out, run.evaluations)

    def _evaluate(
        self, executor: WrapperExecutor, model: Any, conds: Any, x: Any, sigma: Any, options: Any
    ) -> Any:
        run = self._run
        if run is None:
            return executor(model, conds, x, sigma, options)
        run.begin(float(sigma.max()))
        result = executor(model, conds, x, sigma, options)
        self._count(run)
        return result

    def _call_network(
        self, executor: WrapperExecutor, x: torch.Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        run = self._run
        options = next(
            (
                value
                for value in (*args, *kwargs.values())
                if isinstance(value, dict) and "uuids" in value
            ),
            None,
        )
        if run is None or options is None:
            return executor(x, *args, **kwargs)
        key = (run.place, *options["uuids"], *x.shape)
        guess = run.guesses.setdefault(key, OutputGuess(self.threshold))
        if run.reuses is None:
            # All prompts of an evaluation go with the first, or guidance would mix two steps.
            run.reuses = guess.is_close(x)
        if run.reuses:
            guessed = guess.output(x)
            if guessed is not None:
                return guessed
        output = executor(x, *args, **kwargs)
        guess.record(x, output)
        return output

    def _predict(
        self, executor: WrapperExecutor, x: torch.Tensor, sigma: torch.Tensor, *args: Any
    ) -> Any:
        run = self._run
        if run is None:
            return executor(x, sigma, *args)
        run.begin(float(sigma.max()))
        guess = run.guesses.setdefault(x.shape, OutputGuess(self.threshold))
        if run.reuses is None:
            run.reuses = guess.is_close(x)
        guessed = guess.output(x) if run.reuses else None
        output = executor(x, sigma, *args) if guessed is None else guessed
        if guessed is None:
            guess.record(x, output)
        self._count(run)
        return output

    def _count(self, run: _Run) -> None:
        run.left_out += bool(run.reuses)
        if self.tells_each:
            what = "left out" if run.reuses else "computed"
            log.info("%s: noise level %.4f %s.", self.name, run.level, what)
