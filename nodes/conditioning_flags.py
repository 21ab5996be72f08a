"""Set values that certain model families read from conditioning."""

from __future__ import annotations

from comfy_api.latest import io
from node_helpers import conditioning_set_values

from .value_types import Conditioning, Latent


class FluxGuidance(io.ComfyNode):
    """Set the guidance that a distilled model was trained with."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare conditioning and a number."""
        return io.Schema(
            node_id="FluxGuidance",
            category="advanced/conditioning/flux",
            description=(
                "Sets how closely Flux models follow the prompt. Higher is stricter, lower "
                "looks more natural."
            ),
            inputs=[
                io.Conditioning.Input("conditioning", tooltip="The prompt to set it for."),
                io.Float.Input(
                    "guidance",
                    default=3.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Usually between 2 and 5.",
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, conditioning: Conditioning, guidance: float) -> io.NodeOutput:
        """Return conditioning with the guidance value."""
        return io.NodeOutput(conditioning_set_values(conditioning, {"guidance": guidance}))

    append = execute


class FluxDisableGuidance(io.ComfyNode):
    """Take the guidance value away."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare conditioning."""
        return io.Schema(
            node_id="FluxDisableGuidance",
            category="advanced/conditioning/flux",
            description="Switches the built-in guidance of Flux and similar models off.",
            inputs=[io.Conditioning.Input("conditioning", tooltip="The prompt to change.")],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, conditioning: Conditioning) -> io.NodeOutput:
        """Return conditioning with no guidance value."""
        return io.NodeOutput(conditioning_set_values(conditioning, {"guidance": None}))

    append = execute


class FluxKontextMultiReferenceLatentMethod(io.ComfyNode):
    """Choose how several reference pictures are told apart."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare conditioning and a method."""
        return io.Schema(
            node_id="FluxKontextMultiReferenceLatentMethod",
            display_name="Edit Model Reference Method",
            category="advanced/conditioning/flux",
            description="Chooses how an edit model tells several reference pictures apart.",
            is_experimental=True,
            inputs=[
                io.Conditioning.Input("conditioning", tooltip="The prompt with its references."),
                io.Combo.Input(
                    "reference_latents_method",
                    options=["offset", "index", "uxo/uno", "index_timestep_zero"],
                    tooltip="offset places them side by side, index numbers them.",
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, conditioning: Conditioning, reference_latents_method: str) -> io.NodeOutput:
        """Return conditioning with the method's name."""
        # Two families share this method under one name.
        method = "uxo" if reference_latents_method == "uxo/uno" else reference_latents_method
        values = {"reference_latents_method": method}
        return io.NodeOutput(conditioning_set_values(conditioning, values))

    append = execute


class ReferenceLatent(io.ComfyNode):
    """Show an edit model a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare conditioning and a latent."""
        return io.Schema(
            node_id="ReferenceLatent",
            category="advanced/conditioning/edit_models",
            description=(
                "Shows an edit model a picture to work from. Chain several nodes for several "
                "pictures."
            ),
            inputs=[
                io.Conditioning.Input("conditioning", tooltip="The prompt to add it to."),
                io.Latent.Input(
                    "latent", optional=True, tooltip="The picture, encoded to latents."
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, conditioning: Conditioning, latent: Latent | None = None) -> io.NodeOutput:
        """Return conditioning with one more reference."""
        if latent is not None:
            values = {"reference_latents": [latent["samples"]]}
            conditioning = conditioning_set_values(conditioning, values, append=True)
        return io.NodeOutput(conditioning)


NODE_CLASS_MAPPINGS = {
    "FluxGuidance": FluxGuidance,
    "FluxDisableGuidance": FluxDisableGuidance,
    "FluxKontextMultiReferenceLatentMethod": FluxKontextMultiReferenceLatentMethod,
    "ReferenceLatent": ReferenceLatent,
}
