"""Guiders: a model together with its prompts, for samplers that are put together from parts."""

from __future__ import annotations

from typing import Any

from comfy import _guiders as guidance
from comfy_api.latest import io

from .value_types import Conditioning

_CATEGORY = "sampling/custom_sampling/guiders"


def _model() -> io.Model.Input:
    return io.Model.Input("model", tooltip="The model that takes the noise out.")


def _prompt(name: str, tooltip: str) -> io.Conditioning.Input:
    return io.Conditioning.Input(name, tooltip=tooltip)


def _cfg(
    name: str = "cfg", tooltip: str = "How strictly the prompt is followed."
) -> io.Float.Input:
    return io.Float.Input(
        name, default=8.0, min=0.0, max=100.0, step=0.1, round=0.01, tooltip=tooltip
    )


class BasicGuider(io.ComfyNode):
    """One prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and prompt."""
        return io.Schema(
            node_id="BasicGuider",
            category=_CATEGORY,
            description="Guides a model by one prompt, as models such as Flux want it.",
            inputs=[_model(), _prompt("conditioning", "What the picture shall show.")],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(cls, model: Any, conditioning: Conditioning) -> io.NodeOutput:
        """Return the guider."""
        guider = guidance.BasicGuider(model)
        guider.set_conds(conditioning)
        return io.NodeOutput(guider)

    get_guider = execute


class CFGGuider(io.ComfyNode):
    """A positive and a negative prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scale."""
        return io.Schema(
            node_id="CFGGuider",
            category=_CATEGORY,
            description="Guides a model towards one prompt and away from another.",
            inputs=[
                _model(),
                _prompt("positive", "What the picture shall show."),
                _prompt("negative", "What it shall not show."),
                _cfg(),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, positive: Conditioning, negative: Conditioning, cfg: float
    ) -> io.NodeOutput:
        """Return the guider (rule D-065)."""
        guider = guidance.CfgGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        return io.NodeOutput(guider)

    get_guider = execute


class DualCFGGuider(io.ComfyNode):
    """Two positive prompts and a negative one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scales."""
        return io.Schema(
            node_id="DualCFGGuider",
            category=_CATEGORY,
            search_aliases=["dual prompt guidance"],
            description="Guides a model by two prompts, each with a strength of its own.",
            inputs=[
                _model(),
                _prompt("cond1", "The first prompt."),
                _prompt("cond2", "The second prompt, which the first one starts from."),
                _prompt("negative", "What the picture shall not show."),
                _cfg("cfg_conds", "How far to go from the second prompt to the first."),
                _cfg("cfg_cond2_negative", "How far to go from the negative to the second."),
                io.Combo.Input(
                    "style",
                    options=["regular", "nested"],
                    tooltip="nested joins the first two prompts before the negative one counts.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        cond1: Conditioning,
        cond2: Conditioning,
        negative: Conditioning,
        cfg_conds: float,
        cfg_cond2_negative: float,
        style: str,
    ) -> io.NodeOutput:
        """Return the guider (rule D-066)."""
        guider = guidance.DualCfgGuider(model)
        guider.set_conds(cond1, cond2, negative)
        guider.set_scales(cfg_conds, cfg_cond2_negative, nested=style == "nested")
        return io.NodeOutput(guider)

    get_guider = execute


class PerpNegGuider(io.ComfyNode):
    """A negative prompt that takes nothing from the positive one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, prompts and scales."""
        return io.Schema(
            node_id="PerpNegGuider",
            category="_for_testing",
            is_experimental=True,
            description="Avoids the negative prompt only where it differs from the positive one.",
            inputs=[
                _model(),
                _prompt("positive", "What the picture shall show."),
                _prompt("negative", "What it shall not show."),
                _prompt("empty_conditioning", "An empty prompt, which guidance starts from."),
                _cfg(),
                io.Float.Input(
                    "neg_scale",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="How strongly the negative prompt is avoided.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Conditioning,
        negative: Conditioning,
        empty_conditioning: Conditioning,
        cfg: float,
        neg_scale: float,
    ) -> io.NodeOutput:
        """Return the guider (rule D-066)."""
        guider = guidance.PerpNegGuider(model)
        guider.set_conds(positive, negative, empty_conditioning)
        guider.set_scales(cfg, neg_scale)
        return io.NodeOutput(guider)

    get_guider = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls for cls in (BasicGuider, CFGGuider, DualCFGGuider, PerpNegGuider)
}
