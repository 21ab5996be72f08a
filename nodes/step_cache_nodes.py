"""Sample faster by leaving out steps that would change little."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from app.engine.diffusion.step_cache import StepCache

from .guidance_nodes import model_input


def _schema(name: str, description: str) -> io.Schema:
    return io.Schema(
        node_id=name,
        display_name=name,
        category="advanced/debug/model",
        description=description,
        is_experimental=True,
        inputs=[
            model_input(),
            io.Float.Input(
                "reuse_threshold",
                default=0.2,
                min=0.0,
                max=3.0,
                step=0.01,
                tooltip="How much change may be left out; higher is faster and less exact.",
            ),
            io.Float.Input(
                "start_percent",
                default=0.15,
                min=0.0,
                max=1.0,
                step=0.01,
                tooltip="Part of the run after which steps may be left out.",
            ),
            io.Float.Input(
                "end_percent",
                default=0.95,
                min=0.0,
                max=1.0,
                step=0.01,
                tooltip="Part of the run after which all steps are computed again.",
            ),
            io.Boolean.Input(
                "verbose", default=False, tooltip="Write to the log what becomes of each step."
            ),
        ],
        outputs=[io.Model.Output(tooltip="The model that leaves out steps.")],
    )


class EasyCache(io.ComfyNode):
    """Leave out calls of the network."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, threshold and range."""
        return _schema(
            "EasyCache",
            "Samples faster: calls of the network whose result would hardly change are left out.",
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        reuse_threshold: float,
        start_percent: float,
        end_percent: float,
        verbose: bool,
    ) -> io.NodeOutput:
        """Return the model that leaves out calls of its network (arXiv:2507.02860)."""
        cache = StepCache("EasyCache", reuse_threshold, start_percent, end_percent, verbose)
        return io.NodeOutput(cache.around_network(model))


class LazyCache(io.ComfyNode):
    """Leave out whole steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, threshold and range."""
        return _schema(
            "LazyCache",
            "Samples faster: whole steps that would change little are left out. Works with every "
            "model; EasyCache is mostly more exact.",
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        reuse_threshold: float,
        start_percent: float,
        end_percent: float,
        verbose: bool,
    ) -> io.NodeOutput:
        """Return the model that leaves out whole steps."""
        cache = StepCache("LazyCache", reuse_threshold, start_percent, end_percent, verbose)
        return io.NodeOutput(cache.around_prediction(model))


NODE_CLASS_MAPPINGS: dict[str, type] = {"EasyCache": EasyCache, "LazyCache": LazyCache}
