"""Guiders and noises of a pack."""
import comfy.samplers
import comfy.sample
from comfy.samplers import CFGGuider
from comfy_extras.nodes_custom_sampler import Guider_Basic, Noise_EmptyNoise, Noise_RandomNoise

SEEN = []


class ScaledGuider(CFGGuider):
    """Does what CFG does, with its own calls of the host."""

    def set_scale(self, scale):
        self.scale = scale

    def predict_noise(self, x, timestep, model_options={}, seed=None):
        positive = self.conds.get("positive", None)
        negative = self.conds.get("negative", None)
        out = comfy.samplers.calc_cond_batch(
            self.inner_model, [negative, positive], x, timestep, model_options)
        return comfy.samplers.cfg_function(
            self.inner_model, out[1], out[0], self.scale, x, timestep,
            model_options=model_options, cond=positive, uncond=negative)


class ThreeWay(CFGGuider):
    """Takes a third prompt."""

    def set_conds(self, positive, negative, middle):
        self.inner_set_conds({"positive": positive, "negative": negative, "middle": middle})

    def predict_noise(self, x, timestep, model_options={}, seed=None):
        out = comfy.samplers.calc_cond_batch(
            self.inner_model,
            [self.conds.get(name) for name in ("negative", "middle", "positive")],
            x, timestep, model_options)
        return out[0] + (out[1] - out[0]) * self.cfg + (out[2] - out[0]) * self.cfg


class StagesGuider(CFGGuider):
    """Looks at each stage of a run."""

    def sample(self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None,
               disable_pbar=False, seed=None):
        SEEN.append(("sample", tuple(noise.shape), seed))
        return super().sample(noise, latent_image, sampler, sigmas, denoise_mask, callback,
                              disable_pbar, seed)

    def outer_sample(self, noise, latent_image, sampler, sigmas, denoise_mask=None, callback=None,
                     disable_pbar=False, seed=None, **kwargs):
        SEEN.append(("outer_sample", sorted(self.conds), self.inner_model is None))
        return super().outer_sample(noise, latent_image, sampler, sigmas, denoise_mask, callback,
                                    disable_pbar, seed, **kwargs)

    def inner_sample(self, noise, latent_image, device, sampler, sigmas, denoise_mask, callback,
                     disable_pbar, seed, **kwargs):
        SEEN.append(("inner_sample", str(device), self.inner_model is self.model_patcher.model))
        return super().inner_sample(noise, latent_image, device, sampler, sigmas, denoise_mask,
                                    callback, disable_pbar, seed, **kwargs)

    def predict_noise(self, x, timestep, model_options={}, seed=None):
        SEEN.append(("predict_noise", "sample_sigmas" in model_options["transformer_options"], seed))
        return super().predict_noise(x, timestep, model_options=model_options, seed=seed)


class PackGuider:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": ("MODEL",), "positive": ("CONDITIONING",),
                             "negative": ("CONDITIONING",),
                             "cfg": ("FLOAT", {"default": 2.0}),
                             "kind": (["scaled", "three", "stages", "basic"],)}}

    RETURN_TYPES = ("GUIDER",)
    FUNCTION = "get_guider"
    CATEGORY = "tests"

    @classmethod
    def IS_CHANGED(cls, **inputs):
        return float("nan")

    def get_guider(self, model, positive, negative, cfg, kind):
        if kind == "scaled":
            guider = ScaledGuider(model)
            guider.set_conds(positive, negative)
            guider.set_scale(cfg)
            return (guider,)
        if kind == "three":
            guider = ThreeWay(model)
            guider.set_conds(positive, negative, positive)
            guider.set_cfg(cfg / 2)
            return (guider,)
        if kind == "basic":
            guider = Guider_Basic(model)
            guider.set_conds(positive)
            return (guider,)
        guider = StagesGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        return (guider,)


class MixedNoise:
    def __init__(self, seed, weight):
        self.seed = seed
        self.weight = weight

    def generate_noise(self, input_latent):
        first = Noise_RandomNoise(self.seed).generate_noise(input_latent)
        nothing = Noise_EmptyNoise().generate_noise(input_latent)
        return first * (1.0 - self.weight) + nothing * self.weight


class PackNoise:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seed": ("INT", {"default": 0}), "weight": ("FLOAT", {"default": 0.0})}}

    RETURN_TYPES = ("NOISE",)
    FUNCTION = "get_noise"
    CATEGORY = "tests"

    @classmethod
    def IS_CHANGED(cls, **inputs):
        return float("nan")

    def get_noise(self, seed, weight):
        return (MixedNoise(seed, weight),)


NODE_CLASS_MAPPINGS = {"PackGuider": PackGuider, "PackNoise": PackNoise}
