"""Guidance: how the predictions for several prompts become one (D-065, D-066).

Hooks of nodes and packs stand in ``model_options``:

- ``sampler_cfg_function``, ``sampler_post_cfg_function`` (a list), ``sampler_pre_cfg_function``
  (a list), ``sampler_calc_cond_batch_function``, ``disable_cfg1_optimization``: here;
- ``model_function_wrapper``, ``transformer_options``: in :mod:`.cond_batch`;
- ``denoise_mask_function``: in :mod:`.inpainting`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from app.engine.diffusion.cond_batch import calc_cond_batch
from app.engine.diffusion.guider import Entries, Guider
from app.engine.diffusion.model import Conditioning, PatchedModel

__all__ = [
    "BasicGuider",
    "CfgGuider",
    "DualCfgGuider",
    "Guider",
    "PerpNegGuider",
    "cfg_function",
    "guided_prediction",
    "perp_neg",
]

Evaluate = Callable[..., list[torch.Tensor]]
"""A function with the parameters of :func:`calc_cond_batch`."""

Combine = Callable[..., torch.Tensor]
"""A function with the parameters of :func:`cfg_function`."""


def cfg_function(
    model: Any,
    cond_pred: torch.Tensor,
    uncond_pred: torch.Tensor,
    cond_scale: float,
    x: torch.Tensor,
    sigma: torch.Tensor,
    model_options: dict[str, Any],
    cond: Entries = None,
    uncond: Entries = None,
) -> torch.Tensor:
    """Go from the unconditional prediction beyond the conditional one (D-065).

    Source: Ho and Salimans 2022, "Classifier-Free Diffusion Guidance" (arXiv:2207.12598).

    Args:
        model: The network, for hooks.
        cond_pred: Denoised latent for the positive prompt.
        uncond_pred: Denoised latent for the negative prompt.
        cond_scale: How far to go; 1 is the conditional prediction.
        x: The noisy latent.
        sigma: Noise level of each item.
        model_options: Hooks.
        cond: Entries of the positive prompt, for hooks.
        uncond: Entries of the negative prompt, for hooks.
    """
    common = {"cond_scale": cond_scale, "model": model, "model_options": model_options}
    predictions = {"cond_denoised": cond_pred, "uncond_denoised": uncond_pred}
    replaced = model_options.get("sampler_cfg_function")
    if replaced is not None:
        call = {
            **common,
            **predictions,
            "cond": x - cond_pred,
            "uncond": x - uncond_pred,
            "timestep": sigma,
            "input": x,
            "sigma": sigma,
        }
        result: torch.Tensor = x - replaced(call)
    else:
        result = uncond_pred + (cond_pred - uncond_pred) * cond_scale
    for hook in model_options.get("sampler_post_cfg_function", ()):
        result = hook(
            {
                **common,
                **predictions,
                "denoised": result,
                "cond": cond,
                "uncond": uncond,
                "sigma": sigma,
                "input": x,
            }
        )
    return result


def _predictions(
    model: Any,
    conds: list[Entries],
    cond_scale: float,
    x: torch.Tensor,
    sigma: torch.Tensor,
    model_options: dict[str, Any],
    evaluate: Evaluate = calc_cond_batch,
) -> list[torch.Tensor]:
    """Return a denoised latent for each list, with the hooks that go before guidance."""
    call = {"conds": conds, "input": x, "sigma": sigma, "model": model}
    call["model_options"] = model_options
    replaced = model_options.get("sampler_calc_cond_batch_function")
    if replaced is not None:
        out: list[torch.Tensor] = replaced(call)
    else:
        out = evaluate(model, conds, x, sigma, model_options)
    for hook in model_options.get("sampler_pre_cfg_function", ()):
        out = hook({**call, "conds_out": out, "cond_scale": cond_scale, "timestep": sigma})
    return out


def guided_prediction(
    model: Any,
    x: torch.Tensor,
    sigma: torch.Tensor,
    uncond: Entries,
    cond: Entries,
    cond_scale: float,
    model_options: dict[str, Any],
    evaluate: Evaluate = calc_cond_batch,
    combine: Combine = cfg_function,
) -> torch.Tensor:
    """Return the denoised latent under classifier-free guidance (D-065).

    At a scale of 1 the negative prompt is left out, unless a hook needs it. ``evaluate`` and
    ``combine`` are what packs put in the place of ours.
    """
    if math.isclose(cond_scale, 1.0) and not model_options.get("disable_cfg1_optimization", False):
        uncond = None
    out = _predictions(model, [cond, uncond], cond_scale, x, sigma, model_options, evaluate)
    return combine(model, out[0], out[1], cond_scale, x, sigma, model_options, cond, uncond)


class CfgGuider(Guider):
    """Classifier-free guidance with a positive and a negative prompt."""

    def set_conds(self, positive: Conditioning | None, negative: Conditioning | None) -> None:
        """Set the prompts."""
        self.set_entries(positive=positive, negative=negative)

    def predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """See :meth:`Guider.predict_noise`."""
        return guided_prediction(
            self.inner_model,
            x,
            timestep,
            self.conds.get("negative"),
            self.conds.get("positive"),
            self.cfg,
            model_options or {},
        )


class BasicGuider(CfgGuider):
    """One prompt, no guidance (D-066)."""

    def set_conds(
        self, positive: Conditioning | None, negative: Conditioning | None = None
    ) -> None:
        """Set the prompt; a negative one is not used."""
        self.set_entries(positive=positive)


class DualCfgGuider(Guider):
    """Two positive prompts with a guidance scale each (D-066).

    Attributes:
        cfg1: Scale from the second prompt to the first.
        cfg2: Scale from the negative prompt to the second.
        nested: Whether the first two are joined first and the negative is left from there.
    """

    def __init__(self, model: PatchedModel) -> None:
        super().__init__(model)
        self.cfg1 = 1.0
        self.cfg2 = 1.0
        self.nested = False

    def set_scales(self, cfg1: float, cfg2: float, nested: bool = False) -> None:
        """Set the guidance scales and how they are joined."""
        self.cfg1, self.cfg2, self.nested = cfg1, cfg2, nested

    def set_conds(
        self,
        positive: Conditioning | None,
        middle: Conditioning | None,
        negative: Conditioning | None,
    ) -> None:
        """Set the prompts."""
        if middle is not None:
            middle = [[tensor, {**values, "prompt_type": "negative"}] for tensor, values in middle]
        self.set_entries(positive=positive, middle=middle, negative=negative)

    def predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """See :meth:`Guider.predict_noise`."""
        options = model_options or {}
        positive = self.conds.get("positive")
        middle: Entries = self.conds.get("middle")
        negative: Entries = self.conds.get("negative")
        model = self.inner_model
        if self.nested:
            out = _predictions(model, [negative, middle, positive], 1.0, x, timestep, options)
            joined = cfg_function(
                model, out[2], out[1], self.cfg1, x, timestep, options, positive, middle
            )
            return out[0] + (joined - out[0]) * self.cfg2
        if not options.get("disable_cfg1_optimization", False) and math.isclose(self.cfg2, 1.0):
            negative = None
            if math.isclose(self.cfg1, 1.0):
                middle = None
        out = _predictions(model, [negative, middle, positive], 1.0, x, timestep, options)
        base = cfg_function(
            model, out[1], out[0], self.cfg2, x, timestep, options, middle, negative
        )
        return base + (out[2] - out[1]) * self.cfg1


class PerpNegGuider(Guider):
    """Only the part of the negative prompt that is at right angles to the positive counts.

    Source: Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm"
    (arXiv:2304.04968); D-066.

    Attributes:
        negative_scale: How much of that part is taken off.
    """

    def __init__(self, model: PatchedModel) -> None:
        super().__init__(model)
        self.negative_scale = 1.0

    def set_scales(self, cfg: float, negative_scale: float) -> None:
        """Set the guidance scale and that of the negative part."""
        self.cfg, self.negative_scale = cfg, negative_scale

    def set_conds(
        self,
        positive: Conditioning | None,
        negative: Conditioning | None,
        empty: Conditioning | None,
    ) -> None:
        """Set the prompts; ``empty`` is what guidance starts from."""
        if empty is not None:
            empty = [[tensor, {**values, "prompt_type": "negative"}] for tensor, values in empty]
        self.set_entries(positive=positive, empty_negative_prompt=empty, negative=negative)

    def predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """See :meth:`Guider.predict_noise`."""
        options = model_options or {}
        positive = self.conds.get("positive")
        negative = self.conds.get("negative")
        empty = self.conds.get("empty_negative_prompt")
        model = self.inner_model
        out = _predictions(model, [positive, negative, empty], self.cfg, x, timestep, options)
        result = perp_neg(out[0], out[1], out[2], self.negative_scale, self.cfg)
        # Hooks that follow guidance see the empty prompt as the unconditional one.
        passed = {**options, "sampler_cfg_function": lambda _: x - result}
        return cfg_function(model, out[0], out[2], self.cfg, x, timestep, passed, positive, empty)


def perp_neg(
    positive: torch.Tensor,
    negative: torch.Tensor,
    empty: torch.Tensor,
    negative_scale: float,
    cfg: float,
) -> torch.Tensor:
    """Return the guided latent of :class:`PerpNegGuider` from three predictions."""
    towards, against = positive - empty, negative - empty
    along = (against * towards).sum() / (towards**2).sum() * towards
    guided: torch.Tensor = empty + cfg * (towards - negative_scale * (against - along))
    return guided
