"""Hooks that nodes set on a model without touching its weights (rules D-065, D-068, D-235)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ModelOptions = dict[str, Any]
Function = Callable[..., Any]


def copy_model_options(options: ModelOptions) -> ModelOptions:
    """Return a copy whose dicts and lists are new and whose functions are the same."""

    def copied(value: Any) -> Any:
        if type(value) is dict:
            return {key: copied(item) for key, item in value.items()}
        if type(value) is list:
            return list(value)
        return value

    return {key: copied(value) for key, value in options.items()}


def create_model_options_clone(options: ModelOptions) -> ModelOptions:
    """Return :func:`copy_model_options`, under the name that packs use."""
    return copy_model_options(options)


def set_model_options_patch_replace(
    model_options: ModelOptions,
    patch: Function,
    name: str,
    block_name: str,
    number: int,
    transformer_index: int | None = None,
) -> ModelOptions:
    """Return options with a function in the place of one attention or block.

    Args:
        model_options: Not changed.
        patch: The function.
        name: ``attn1``, ``attn2``, or another table that a network reads.
        block_name: ``input``, ``middle`` or ``output``.
        number: Place of the block.
        transformer_index: Which transformer block in it, or None for all.
    """
    options = copy_model_options(model_options)
    transformer = options.setdefault("transformer_options", {})
    tables = transformer.setdefault("patches_replace", {})
    table = tables.setdefault(name, {})
    place = (block_name, number)
    table[place if transformer_index is None else (*place, transformer_index)] = patch
    return options


def _appended(
    model_options: ModelOptions, key: str, function: Function, disable_cfg1_optimization: bool
) -> ModelOptions:
    options = copy_model_options(model_options)
    options[key] = [*options.get(key, []), function]
    if disable_cfg1_optimization:
        options["disable_cfg1_optimization"] = True
    return options


def set_model_options_post_cfg_function(
    model_options: ModelOptions,
    post_cfg_function: Function,
    disable_cfg1_optimization: bool = False,
) -> ModelOptions:
    """Return options with one more function that runs after guidance."""
    return _appended(
        model_options, "sampler_post_cfg_function", post_cfg_function, disable_cfg1_optimization
    )


def set_model_options_pre_cfg_function(
    model_options: ModelOptions,
    pre_cfg_function: Function,
    disable_cfg1_optimization: bool = False,
) -> ModelOptions:
    """Return options with one more function that runs before guidance."""
    return _appended(
        model_options, "sampler_pre_cfg_function", pre_cfg_function, disable_cfg1_optimization
    )


class HookMethods:
    """The ``set_model_...`` methods of a patcher.

    Attributes:
        model_options: What the sampling loop and the networks read.
    """

    model_options: ModelOptions

    def set_model_sampler_cfg_function(
        self, sampler_cfg_function: Function, disable_cfg1_optimization: bool = False
    ) -> None:
        """Replace the formula of guidance.

        Functions with three parameters get cond, uncond and scale; others get a dict.
        """
        import inspect

        if len(inspect.signature(sampler_cfg_function).parameters) == 3:
            self.model_options["sampler_cfg_function"] = lambda args: sampler_cfg_function(
                args["cond"], args["uncond"], args["cond_scale"]
            )
        else:
            self.model_options["sampler_cfg_function"] = sampler_cfg_function
        if disable_cfg1_optimization:
            self.model_options["disable_cfg1_optimization"] = True

    def set_model_sampler_post_cfg_function(
        self, post_cfg_function: Function, disable_cfg1_optimization: bool = False
    ) -> None:
        """Add a function that runs after guidance."""
        self.model_options = set_model_options_post_cfg_function(
            self.model_options, post_cfg_function, disable_cfg1_optimization
        )

    def set_model_sampler_pre_cfg_function(
        self, pre_cfg_function: Function, disable_cfg1_optimization: bool = False
    ) -> None:
        """Add a function that runs before guidance."""
        self.model_options = set_model_options_pre_cfg_function(
            self.model_options, pre_cfg_function, disable_cfg1_optimization
        )

    def set_model_sampler_calc_cond_batch_function(self, function: Function) -> None:
        """Replace the evaluation of prompts in batches."""
        self.model_options["sampler_calc_cond_batch_function"] = function

    def set_model_unet_function_wrapper(self, unet_wrapper_function: Function) -> None:
        """Wrap each call of the model."""
        self.model_options["model_function_wrapper"] = unet_wrapper_function

    def set_model_denoise_mask_function(self, denoise_mask_function: Function) -> None:
        """Replace the noise mask at each call."""
        self.model_options["denoise_mask_function"] = denoise_mask_function

    def set_model_patch(self, patch: Function, name: str) -> None:
        """Add a function to a list of hooks of the network."""
        transformer = self.model_options.setdefault("transformer_options", {})
        patches = transformer.setdefault("patches", {})
        patches[name] = [*patches.get(name, []), patch]

    def set_model_patch_replace(
        self,
        patch: Function,
        name: str,
        block_name: str,
        number: int,
        transformer_index: int | None = None,
    ) -> None:
        """Put a function in the place of a part of the network."""
        self.model_options = set_model_options_patch_replace(
            self.model_options, patch, name, block_name, number, transformer_index
        )

    def set_model_attn1_patch(self, patch: Function) -> None:
        """Change query, context and value before self-attention."""
        self.set_model_patch(patch, "attn1_patch")

    def set_model_attn2_patch(self, patch: Function) -> None:
        """Change query, context and value before attention to the text."""
        self.set_model_patch(patch, "attn2_patch")

    def set_model_attn1_replace(
        self,
        patch: Function,
        block_name: str,
        number: int,
        transformer_index: int | None = None,
    ) -> None:
        """Replace a self-attention."""
        self.set_model_patch_replace(patch, "attn1", block_name, number, transformer_index)

    def set_model_attn2_replace(
        self,
        patch: Function,
        block_name: str,
        number: int,
        transformer_index: int | None = None,
    ) -> None:
        """Replace an attention to the text."""
        self.set_model_patch_replace(patch, "attn2", block_name, number, transformer_index)

    def set_model_attn1_output_patch(self, patch: Function) -> None:
        """Change what self-attention gives."""
        self.set_model_patch(patch, "attn1_output_patch")

    def set_model_attn2_output_patch(self, patch: Function) -> None:
        """Change what attention to the text gives."""
        self.set_model_patch(patch, "attn2_output_patch")

    def set_model_input_block_patch(self, patch: Function) -> None:
        """Change what an input block gives, for the next block and the skip connection."""
        self.set_model_patch(patch, "input_block_patch")

    def set_model_input_block_patch_after_skip(self, patch: Function) -> None:
        """Change what an input block gives, for the next block only."""
        self.set_model_patch(patch, "input_block_patch_after_skip")

    def set_model_output_block_patch(self, patch: Function) -> None:
        """Change what goes into an output block and its skip connection."""
        self.set_model_patch(patch, "output_block_patch")

    def set_model_emb_patch(self, patch: Function) -> None:
        """Change the time's vector."""
        self.set_model_patch(patch, "emb_patch")

    def set_model_forward_timestep_embed_patch(self, patch: Any) -> None:
        """Add a handler ``(class, function)`` for layers that a pack put into the network."""
        self.set_model_patch(patch, "forward_timestep_embed_patch")

    def set_model_double_block_patch(self, patch: Function) -> None:
        """Change what a double block of a transformer network gives."""
        self.set_model_patch(patch, "double_block")

    def set_model_post_input_patch(self, patch: Function) -> None:
        """Change the tokens that go into a transformer network."""
        self.set_model_patch(patch, "post_input")
