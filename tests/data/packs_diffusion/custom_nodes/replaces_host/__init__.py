"""Puts functions of its own in the place of the host's; they count, and may change the result."""
import functools

import comfy.k_diffusion.sampling
import comfy.ldm.modules.attention
import comfy.lora
import comfy.model_management
import comfy.sample
import comfy.sampler_helpers
import comfy.samplers
import comfy.utils
import latent_preview

COUNTS = {}
CHANGES = {}
"""By name: called with the function that was there and the arguments."""


def replace(owner, name):
    original = getattr(owner, name)

    @functools.wraps(original)
    def replacement(*args, **kwargs):
        COUNTS[name] = COUNTS.get(name, 0) + 1
        change = CHANGES.get(name)
        if change is not None:
            return change(original, *args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, replacement)


for owner, name in (
    (comfy.samplers, "sampling_function"),
    (comfy.samplers, "cfg_function"),
    (comfy.samplers, "calc_cond_batch"),
    (comfy.samplers, "sampler_object"),
    (comfy.samplers, "ksampler"),
    (comfy.samplers, "process_conds"),
    (comfy.samplers.KSampler, "sample"),
    (comfy.sample, "sample"),
    (comfy.sample, "sample_custom"),
    (comfy.sample, "prepare_noise"),
    (comfy.sample, "fix_empty_latent_channels"),
    (comfy.sampler_helpers, "prepare_sampling"),
    (comfy.sampler_helpers, "convert_cond"),
    (comfy.model_management, "load_models_gpu"),
    (comfy.model_management, "throw_exception_if_processing_interrupted"),
    (comfy.k_diffusion.sampling, "default_noise_sampler"),
    (comfy.k_diffusion.sampling, "sample_dpmpp_2m"),
    (comfy.ldm.modules.attention, "optimized_attention"),
    (comfy.lora, "calculate_weight"),
    (latent_preview, "prepare_callback"),
    (latent_preview, "get_previewer"),
):
    replace(owner, name)

comfy.samplers.original_sample = comfy.samplers.sample


def sample(model, noise, positive, negative, cfg, device, sampler, sigmas, model_options={},
           latent_image=None, denoise_mask=None, callback=None, disable_pbar=False, seed=None):
    COUNTS["samplers.sample"] = COUNTS.get("samplers.sample", 0) + 1
    return comfy.samplers.original_sample(
        model, noise, positive, negative, cfg, device, sampler, sigmas, model_options,
        latent_image, denoise_mask, callback, disable_pbar, seed)


comfy.samplers.sample = sample

NODE_CLASS_MAPPINGS = {}
NODE_CLASS_MAPPINGS["ReplacesHost"] = type(
    "ReplacesHost", (), {
        "INPUT_TYPES": classmethod(lambda cls: {"required": {}}),
        "RETURN_TYPES": ("INT",), "FUNCTION": "run", "CATEGORY": "tests",
        "run": lambda self: (0,),
    })
