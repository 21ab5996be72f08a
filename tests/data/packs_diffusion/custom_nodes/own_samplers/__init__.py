"""Adds samplers and schedulers to the menus."""
import torch
import comfy.samplers
import comfy.utils
from comfy.k_diffusion import sampling as k_diffusion_sampling
from comfy.k_diffusion.sampling import get_ancestral_step, to_d
from comfy.samplers import KSAMPLER, SchedulerHandler

CALLS = []


@torch.no_grad()
def sample_pack_euler(model, x, sigmas, extra_args=None, callback=None, disable=None, gain=1.0):
    extra_args = {} if extra_args is None else extra_args
    s_in = x.new_ones([x.shape[0]])
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * s_in, **extra_args)
        d = to_d(x, sigmas[i] * s_in, denoised)
        if callback is not None:
            callback({"x": x, "i": i, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": denoised})
        x = x + d * (sigmas[i + 1] - sigmas[i]) * gain
    CALLS.append(("sample_pack_euler", float(gain), disable))
    return x


@torch.no_grad()
def sample_pack_ancestral(model, x, sigmas, extra_args=None, callback=None, disable=None,
                          eta=1.0, s_noise=1.0, noise_sampler=None):
    extra_args = {} if extra_args is None else extra_args
    seed = extra_args.get("seed", None)
    if noise_sampler is None:
        noise_sampler = k_diffusion_sampling.default_noise_sampler(x, seed=seed)
    table = model.inner_model.inner_model.model_sampling
    assert float(table.sigma_max) > 0
    s_in = x.new_ones([x.shape[0]])
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * s_in, **extra_args)
        sigma_down, sigma_up = get_ancestral_step(sigmas[i], sigmas[i + 1], eta=eta)
        if callback is not None:
            callback({"x": x, "i": i, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": denoised})
        if sigma_down == 0:
            x = denoised
        else:
            x = x + to_d(x, sigmas[i] * s_in, denoised) * (sigma_down - sigmas[i])
            x = x + noise_sampler(sigmas[i], sigmas[i + 1]) * s_noise * sigma_up
    return x


def sample_pack_calls_host(model, x, sigmas, extra_args=None, callback=None, disable=None, **kw):
    """Half of the steps with one of the host's samplers, half with another."""
    middle = len(sigmas) // 2
    x = k_diffusion_sampling.sample_euler(model, x, sigmas[: middle + 1], extra_args, callback, disable)
    return k_diffusion_sampling.sample_dpmpp_2m(
        model, x, sigmas[middle:], extra_args=extra_args, callback=callback, disable=disable)


for name, function in (
    ("pack_euler", sample_pack_euler),
    ("pack_ancestral", sample_pack_ancestral),
    ("pack_calls_host", sample_pack_calls_host),
):
    if name not in comfy.samplers.KSampler.SAMPLERS:
        index = comfy.samplers.KSampler.SAMPLERS.index("euler_ancestral")
        comfy.samplers.KSampler.SAMPLERS.insert(index + 1, name)
        setattr(k_diffusion_sampling, f"sample_{name}", function)


def pack_table(model_sampling, steps):
    """Every n-th level of the table, from the top."""
    sigmas = [float(model_sampling.sigmas[-(1 + int(i * len(model_sampling.sigmas) / steps))])
              for i in range(steps)]
    return torch.FloatTensor(sigmas + [0.0])


def pack_bounds(n, sigma_min, sigma_max, device="cpu"):
    return k_diffusion_sampling.append_zero(torch.linspace(sigma_max, sigma_min, n, device=device))


comfy.samplers.SCHEDULER_HANDLERS["pack_table"] = SchedulerHandler(pack_table)
comfy.samplers.SCHEDULER_HANDLERS["pack_bounds"] = SchedulerHandler(handler=pack_bounds, use_ms=False)
comfy.samplers.SCHEDULER_NAMES += ["pack_table", "pack_bounds"]

# The older way: a name without a handler, and a function around the host's.
calculate_sigmas_before = comfy.samplers.calculate_sigmas


def calculate_sigmas(model_sampling, scheduler_name, steps):
    if scheduler_name == "pack_old":
        return calculate_sigmas_before(model_sampling, "karras", steps)
    return calculate_sigmas_before(model_sampling, scheduler_name, steps)


comfy.samplers.calculate_sigmas = calculate_sigmas
comfy.samplers.KSampler.SCHEDULERS.append("pack_old")


class OwnSampler(comfy.samplers.Sampler):
    """Jumps to the model's first estimate."""

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, latent_image=None,
               denoise_mask=None, disable_pbar=False):
        x = noise * sigmas[0]
        if latent_image is not None:
            x = x + latent_image
        s_in = x.new_ones([x.shape[0]])
        denoised = model_wrap(x, sigmas[0] * s_in, **extra_args)
        if callback is not None:
            callback(0, denoised, x, 1)
        return denoised


class PackSampler:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"kind": (["function", "object", "named", "changed"],),
                             "gain": ("FLOAT", {"default": 1.0})}}

    RETURN_TYPES = ("SAMPLER",)
    FUNCTION = "get_sampler"
    CATEGORY = "tests"

    @classmethod
    def IS_CHANGED(cls, **inputs):
        return float("nan")

    def get_sampler(self, kind, gain):
        if kind == "function":
            return (KSAMPLER(sample_pack_euler, extra_options={"gain": gain}),)
        if kind == "object":
            return (OwnSampler(),)
        if kind == "named":
            return (comfy.samplers.sampler_object("euler"),)
        sampler = comfy.samplers.ksampler("euler")
        inner = sampler.sampler_function

        def changed(model, x, sigmas, *args, **kwargs):
            CALLS.append(("changed", float(sigmas[0]), None))
            return inner(model, x, sigmas, *args, **kwargs)

        return (KSAMPLER(changed, sampler.extra_options, sampler.inpaint_options),)


NODE_CLASS_MAPPINGS = {"PackSampler": PackSampler}
