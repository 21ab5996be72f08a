"""Nodes that sample by themselves, or build on the built-in nodes."""
import os

import numpy as np
import torch

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.sd
import comfy.utils
import folder_paths
import latent_preview
import nodes
from nodes import KSampler, KSamplerAdvanced, CheckpointLoaderSimple, VAEDecode, common_ksampler


class KeepLatent:
    """Writes a latent where the tests find it."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"samples": ("LATENT",), "name": ("STRING", {"default": "latent"})}}

    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "keep"
    CATEGORY = "tests"

    def keep(self, samples, name):
        np.save(os.path.join(folder_paths.get_output_directory(), name + ".npy"), samples["samples"].numpy())
        return {}


class PackLoader(CheckpointLoaderSimple):
    FUNCTION = "load_twice"
    CATEGORY = "tests"

    def load_twice(self, ckpt_name):
        path = folder_paths.get_full_path("checkpoints", ckpt_name)
        out = comfy.sd.load_checkpoint_guess_config(
            path, output_vae=True, output_clip=True,
            embedding_directory=folder_paths.get_folder_paths("embeddings"))
        return out[:3]


class PackKSampler(KSampler):
    CATEGORY = "tests"
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls):
        inputs = KSampler.INPUT_TYPES()
        inputs["required"] = dict(inputs["required"])
        inputs["required"]["way"] = (
            ["super", "common", "sample", "object", "samplers", "custom", "advanced", "parts"],)
        return inputs

    def run(self, way, model, seed, steps, cfg, sampler_name, scheduler, positive, negative,
            latent_image, denoise=1.0):
        if way == "super":
            return super().sample(model, seed, steps, cfg, sampler_name, scheduler, positive,
                                  negative, latent_image, denoise)
        if way == "common":
            return common_ksampler(model, seed, steps, cfg, sampler_name, scheduler, positive,
                                   negative, latent_image, denoise=denoise)
        if way == "advanced":
            first, = KSamplerAdvanced().sample(
                model, "enable", seed, steps, cfg, sampler_name, scheduler, positive, negative,
                latent_image, 0, steps // 2, "enable")
            return KSamplerAdvanced().sample(
                model, "disable", seed, steps, cfg, sampler_name, scheduler, positive, negative,
                first, steps // 2, 10000, "disable")
        latent = comfy.sample.fix_empty_latent_channels(model, latent_image["samples"])
        noise = comfy.sample.prepare_noise(latent, seed, latent_image.get("batch_index"))
        callback = latent_preview.prepare_callback(model, steps)
        if way == "sample":
            samples = comfy.sample.sample(
                model, noise, steps, cfg, sampler_name, scheduler, positive, negative, latent,
                denoise=denoise, noise_mask=latent_image.get("noise_mask"), callback=callback, seed=seed)
            return ({"samples": samples},)
        if way == "parts":
            return (self.in_parts(model, noise, seed, steps, cfg, sampler_name, scheduler, positive,
                                  negative, latent),)
        run = comfy.samplers.KSampler(
            model, steps=steps, device=model.load_device, sampler=sampler_name,
            scheduler=scheduler, denoise=denoise, model_options=model.model_options)
        if way == "object":
            samples = run.sample(noise, positive, negative, cfg=cfg, latent_image=latent,
                                 callback=callback, seed=seed)
        elif way == "samplers":
            samples = comfy.samplers.sample(
                model, noise, positive, negative, cfg, model.load_device,
                comfy.samplers.sampler_object(sampler_name), run.sigmas, model.model_options,
                latent_image=latent, callback=callback, seed=seed)
        else:
            samples = comfy.sample.sample_custom(
                model, noise, cfg, comfy.samplers.sampler_object(sampler_name), run.sigmas,
                positive, negative, latent, callback=callback, seed=seed)
        return ({"samples": samples.to(comfy.model_management.intermediate_device())},)

    def in_parts(self, model, noise, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent):
        """Loads the model, encodes the prompts and guides the model by hand."""
        import comfy.sampler_helpers

        conds = {"positive": comfy.sampler_helpers.convert_cond(positive),
                 "negative": comfy.sampler_helpers.convert_cond(negative)}
        real, conds, models = comfy.sampler_helpers.prepare_sampling(
            model, noise.shape, conds, model.model_options)
        device = model.load_device
        sigmas = comfy.samplers.calculate_sigmas(real.model_sampling, scheduler, steps).to(device)
        conds = comfy.samplers.process_conds(real, noise, conds, device, latent, None, seed)
        x = noise.to(device) * torch.sqrt(1.0 + sigmas[0] ** 2)
        with torch.no_grad():
            for i in range(len(sigmas) - 1):
                sigma = sigmas[i] * x.new_ones([x.shape[0]])
                denoised = comfy.samplers.sampling_function(
                    real, x, sigma, conds["negative"], conds["positive"], cfg,
                    model_options=model.model_options, seed=seed)
                x = x + (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
        comfy.sampler_helpers.cleanup_models(conds, models)
        return {"samples": real.process_latent_out(x.to(torch.float32)).cpu()}


class PackDecode:
    """Calls a built-in node."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"samples": ("LATENT",), "vae": ("VAE",)}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "decode"
    CATEGORY = "tests"

    def decode(self, samples, vae):
        return VAEDecode().decode(vae, samples)


NODE_CLASS_MAPPINGS = {
    "KeepLatent": KeepLatent,
    "PackLoader": PackLoader,
    "PackKSampler": PackKSampler,
    "PackDecode": PackDecode,
}
