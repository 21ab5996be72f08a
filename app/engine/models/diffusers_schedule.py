"""How a model was trained, from the ``scheduler_config.json`` of a folder of diffusers.

The file names a class of diffusers and its settings. What says how pictures were noised and what
the network tells is taken over; which sampler and schedule to run is the artist's choice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from app.engine.errors import ModelFileError
from app.engine.models.families.base import Sampling
from app.engine.models.predictions import ModelType

SCHEDULE_FILE: Final = "scheduler/scheduler_config.json"

_Kind = TypeVar("_Kind")

_LARGEST_FILE: Final = 1_000_000
_MOST_TIMESTEPS: Final = 100_000
_FLOW_TYPES: Final = frozenset({ModelType.FLOW, ModelType.FLUX})
_FLOW_CLASS: Final = "FlowMatch"
_EDM_CLASS: Final = "EDM"
_FLOW_PREDICTION: Final = "flow_prediction"
_PREDICTIONS: Final = {
    "epsilon": ModelType.EPS,
    "v_prediction": ModelType.V_PREDICTION,
    "sample": ModelType.X0,
}
_BETA_SCHEDULES: Final = {"scaled_linear": "linear", "linear": "sqrt_linear"}
"""Our names of diffusers' schedules: theirs is linear in beta, ours in its square root."""
_COSINE: Final = "squaredcos_cap_v2"
_LARGEST_COSINE_BETA: Final = 0.999


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """The settings of a ``scheduler_config.json``.

    Args:
        values: The file.
        shown: Name of the file for messages.
    """

    values: Mapping[str, Any]
    shown: str

    def sampling(self, model_type: ModelType, settings: Mapping[str, Any]) -> Sampling:
        """Return how a model is sampled; what the file does not say is as it is given.

        Args:
            model_type: What the weights tell.
            settings: What the family's table of noise levels reads.

        Raises:
            ModelFileError: A setting is not known here, or makes no sense.
        """
        name = str(self.values.get("_class_name", ""))
        if name.startswith(_FLOW_CLASS) or self._prediction() == _FLOW_PREDICTION:
            return self._flow(model_type, settings)
        if model_type in _FLOW_TYPES:
            raise self._refused(
                f'"{name}" with the prediction "{self._prediction() or "epsilon"}" does not go '
                "with a model that was trained as a flow"
            )
        if name.startswith(_EDM_CLASS):
            return self._continuous()
        return self._discrete(model_type, settings)

    def _flow(self, model_type: ModelType, settings: Mapping[str, Any]) -> Sampling:
        multiplier = settings.get("multiplier", 1000.0)
        if model_type is ModelType.FLUX:
            multiplier = 1.0
        if self.values.get("use_dynamic_shifting"):
            # The exponent grows with the picture; that of its largest size is the table's.
            exponent = self._number("max_shift", 1.15, -20.0, 20.0)
            if model_type is ModelType.FLUX:
                return ModelType.FLUX, {"shift": exponent}
            return ModelType.FLOW, {"shift": math.exp(exponent), "multiplier": multiplier}
        name = "flow_shift" if "flow_shift" in self.values else "shift"
        shift = self._number(name, 1.0, 1e-3, 1e4)
        return ModelType.FLOW, {"shift": shift, "multiplier": multiplier}

    def _continuous(self) -> Sampling:
        lowest = self._number("sigma_min", 0.002, 1e-6, 1e6)
        highest = self._number("sigma_max", 80.0, 1e-6, 1e6)
        if highest <= lowest:
            raise self._refused('"sigma_max" is not above "sigma_min"')
        data = self._number("sigma_data", 0.5, 1e-6, 1e6)
        levels = {"sigma_min": lowest, "sigma_max": highest, "sigma_data": data}
        kinds = {"epsilon": ModelType.EDM, "v_prediction": ModelType.V_PREDICTION_EDM}
        return self._known(self._prediction() or "epsilon", kinds, "prediction_type"), levels

    def _discrete(self, model_type: ModelType, settings: Mapping[str, Any]) -> Sampling:
        made = dict(settings)
        prediction = self._prediction()
        if prediction:
            model_type = self._known(prediction, _PREDICTIONS, "prediction_type")
        if self.values.get("num_train_timesteps") is not None:
            made["timesteps"] = int(self._number("num_train_timesteps", 1000, 2, _MOST_TIMESTEPS))
        if self.values.get("rescale_betas_zero_snr") is not None:
            made["zsnr"] = bool(self.values["rescale_betas_zero_snr"])
        made.update(self._betas(made.get("timesteps", 1000)))
        return model_type, made

    def _betas(self, count: int) -> dict[str, Any]:
        """Return the settings that say how much noise each timestep adds."""
        given = self.values.get("trained_betas")
        if given is not None:
            return {"betas": self._trained_betas(given)}
        made: dict[str, Any] = {}
        schedule = self.values.get("beta_schedule")
        if schedule == _COSINE:
            return {"betas": cosine_betas(count)}
        if schedule is not None:
            made["beta_schedule"] = self._known(
                str(schedule), {**_BETA_SCHEDULES, _COSINE: ""}, "beta_schedule"
            )
        for name, ours in (("beta_start", "linear_start"), ("beta_end", "linear_end")):
            if self.values.get(name) is not None:
                made[ours] = self._number(name, 0.0, 1e-9, 0.9999)
        return made

    def _trained_betas(self, given: Any) -> Sequence[float]:
        if not isinstance(given, list) or not 2 <= len(given) <= _MOST_TIMESTEPS:
            raise self._refused('"trained_betas" is no list of numbers')
        if not all(isinstance(beta, (int, float)) and 0.0 < beta < 1.0 for beta in given):
            raise self._refused('"trained_betas" holds something else than numbers between 0 and 1')
        return tuple(map(float, given))

    def _prediction(self) -> str:
        value = self.values.get("prediction_type")
        return "" if value is None else str(value)

    def _number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a number of the file, or ``default`` where it has none."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._refused(f'"{name}" is no number')
        if not least <= value <= most:
            raise self._refused(f'"{name}" is {value}, which is not between {least:g} and {most:g}')
        return float(value)

    def _known(self, value: str, known: Mapping[str, _Kind], name: str) -> _Kind:
        if value not in known:
            names = ", ".join(known)
            raise self._refused(f'"{name}" is "{value}"; known are {names}')
        return known[value]

    def _refused(self, reason: str) -> ModelFileError:
        return ModelFileError(f'"{self.shown}" cannot be used: {reason}.')


def read_schedule(root: Path) -> TrainingSchedule | None:
    """Return how the model in a folder of diffusers was trained, or None when nothing says so.

    Args:
        root: The folder of the model.

    Raises:
        ModelFileError: The file cannot be read, or is damaged.
    """
    shown = f"{root.name}/{SCHEDULE_FILE}"
    try:
        with (root / SCHEDULE_FILE).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelFileError(f'"{shown}" cannot be read: {error.strerror}.') from error
    try:
        values = json.loads(content) if len(content) <= _LARGEST_FILE else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ModelFileError(
            f'"{shown}" is damaged: it holds no settings as JSON. Download the file again, or '
            "remove it; then the model is taken for what its weights look like."
        )
    return TrainingSchedule(values, shown)


def cosine_betas(count: int) -> tuple[float, ...]:
    """Return the noise that each of ``count`` timesteps adds, 0..1, for a cosine schedule.

    Source: Nichol and Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models",
    equation 17 (arXiv:2102.09672).
    """

    def kept(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    return tuple(
        min(1.0 - kept((step + 1) / count) / kept(step / count), _LARGEST_COSINE_BETA)
        for step in range(count)
    )
