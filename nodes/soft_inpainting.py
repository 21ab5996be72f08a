"""Let each place of a picture change as much as its mask says."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion.inpainting import differential_mask


class DifferentialDiffusion(io.ComfyNode):
    """Read a mask as how much may change."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and strength."""
        return io.Schema(
            node_id="DifferentialDiffusion",
            display_name="Differential Diffusion",
            category="_for_testing",
            description=(
                "Reads grey parts of a noise mask as parts that change a little: each place joins "
                "in when the run has come to its grey."
            ),
            is_experimental=True,
            search_aliases=["inpaint gradient", "variable denoise strength"],
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="How much of this is mixed with the mask's usual meaning.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, strength: float = 1.0) -> io.NodeOutput:
        """Return the model with another reading of masks (rule D-087)."""

        def mask_of_call(
            sigma: torch.Tensor, denoise_mask: torch.Tensor, extra_options: dict[str, Any]
        ) -> torch.Tensor:
            table = extra_options["model"].inner_model.model_sampling
            return differential_mask(sigma, denoise_mask, table, extra_options["sigmas"], strength)

        changed = model.clone()
        changed.set_model_denoise_mask_function(mask_of_call)
        return io.NodeOutput(changed)

    apply = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {"DifferentialDiffusion": DifferentialDiffusion}
