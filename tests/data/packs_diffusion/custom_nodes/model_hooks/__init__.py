"""MODEL to MODEL nodes: each changes one thing, or changes nothing and looks on."""
import copy

import torch

import comfy.conds
import comfy.latent_formats
import comfy.lora
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.patcher_extension
import comfy.samplers
import comfy.supported_models
from comfy.ldm.modules.attention import optimized_attention
from comfy.ldm.modules.diffusionmodules.openaimodel import SpatialTransformer
from comfy.patcher_extension import CallbacksMP, PatcherInjection, WrappersMP

SEEN = {}


def saw(what, value=True):
    SEEN.setdefault(what, []).append(value)


def hook_cfg(model, amount):
    def cfg(args):
        saw("cfg", sorted(args))
        cond, uncond = args["cond"], args["uncond"]
        return uncond + (cond - uncond) * args["cond_scale"] * amount

    model.set_model_sampler_cfg_function(cfg)


def hook_cfg_three(model, amount):
    model.set_model_sampler_cfg_function(lambda cond, uncond, scale: uncond + (cond - uncond) * scale)


def hook_cfg_no_shortcut(model, amount):
    def cfg(args):
        saw("uncond", float(args["uncond_denoised"].abs().sum()))
        return args["input"] - args["cond_denoised"]

    model.set_model_sampler_cfg_function(cfg, disable_cfg1_optimization=True)


def hook_post_cfg(model, amount):
    def post(args):
        saw("post_cfg", sorted(args))
        return args["denoised"] * amount

    model.set_model_sampler_post_cfg_function(post)
    model.set_model_sampler_post_cfg_function(lambda args: args["denoised"] + 0.0)


def hook_post_cfg_again(model, amount):
    """Evaluates the model once more inside the hook, as guidance packs do."""

    def post(args):
        (again,) = comfy.samplers.calc_cond_batch(
            args["model"], [args["cond"]], args["input"], args["sigma"], args["model_options"])
        saw("again", bool(torch.allclose(again, args["cond_denoised"], rtol=1e-3, atol=1e-3)))
        return args["denoised"]

    model.set_model_sampler_post_cfg_function(post, disable_cfg1_optimization=True)


def hook_pre_cfg(model, amount):
    def pre(args):
        saw("pre_cfg", len(args["conds_out"]))
        cond, uncond = args["conds_out"]
        return [cond * amount, uncond * amount]

    model.set_model_sampler_pre_cfg_function(pre)


def hook_unet_wrapper(model, amount):
    def wrapper(apply_model, args):
        saw("unet_wrapper", (tuple(args["input"].shape), list(args["cond_or_uncond"]), sorted(args["c"])))
        return apply_model(args["input"], args["timestep"], **args["c"]) * amount

    model.set_model_unet_function_wrapper(wrapper)


def hook_denoise_mask(model, amount):
    def mask(sigma, denoise_mask, extra_options):
        saw("denoise_mask", sorted(extra_options))
        return (denoise_mask >= 0.5).to(denoise_mask)

    model.set_model_denoise_mask_function(mask)


def hook_attention(model, amount):
    def replaced(q, k, v, extra_options):
        saw("attention", (extra_options["block"][0], extra_options["n_heads"]))
        return optimized_attention(q, k, v, extra_options["n_heads"]) * amount

    for block in ("input", "middle", "output"):
        for number in range(12):
            model.set_model_attn1_replace(replaced, block, number)
            model.set_model_attn2_replace(replaced, block, number, 0)


def hook_attention_by_options(model, amount):
    """The same through a copy of the options, as packs that share code with guidance do."""

    def replaced(q, k, v, extra_options):
        return optimized_attention(q, k, v, extra_options["n_heads"]) * amount

    options = model.model_options["transformer_options"].copy()
    options["patches_replace"] = {**options.get("patches_replace", {})}
    for name in ("attn1", "attn2"):
        table = dict(options["patches_replace"].get(name, {}))
        for block in ("input", "middle", "output"):
            for number in range(12):
                table[(block, number)] = replaced
        options["patches_replace"][name] = table
    model.model_options["transformer_options"] = options


def hook_attention_inputs(model, amount):
    def inputs(q, k, v, extra_options):
        saw("attention_inputs", "cond_or_uncond" in extra_options and "sigmas" in extra_options)
        return q, k, v * amount

    def output(n, extra_options):
        saw("attention_output", extra_options["block"][0])
        return n * amount

    model.set_model_attn2_patch(inputs)
    model.set_model_attn1_patch(inputs)
    model.set_model_attn1_output_patch(output)


def hook_blocks(model, amount):
    def on_input(h, transformer_options):
        saw("block", transformer_options["block"])
        return h * amount

    def on_output(h, hsp, transformer_options):
        saw("block", transformer_options["block"])
        return h * amount, hsp

    model.set_model_input_block_patch(on_input)
    model.set_model_output_block_patch(on_output)


def hook_object(model, amount):
    class Sampling(comfy.model_sampling.ModelSamplingDiscrete, comfy.model_sampling.V_PREDICTION):
        pass

    sampling = Sampling(model.model.model_config, zsnr=amount > 1)
    saw("is_eps", isinstance(model.get_model_object("model_sampling"), comfy.model_sampling.EPS))
    saw("is_const", isinstance(model.get_model_object("model_sampling"), comfy.model_sampling.CONST))
    model.add_object_patch("model_sampling", sampling)


def hook_wrappers(model, amount):
    def around(name):
        def wrapper(executor, *args, **kwargs):
            saw("wrapper", name)
            if name == WrappersMP.OUTER_SAMPLE:
                saw("guider", executor.class_obj.__class__.__name__)
            if name == WrappersMP.APPLY_MODEL:
                return executor(*args, **kwargs) * amount
            return executor(*args, **kwargs)

        return wrapper

    for name in (WrappersMP.OUTER_SAMPLE, WrappersMP.PREPARE_SAMPLING, WrappersMP.SAMPLER_SAMPLE,
                 WrappersMP.PREDICT_NOISE, WrappersMP.CALC_COND_BATCH, WrappersMP.APPLY_MODEL):
        model.add_wrapper_with_key(name, "pack", around(name))
    comfy.patcher_extension.add_wrapper_with_key(
        WrappersMP.DIFFUSION_MODEL, "pack", around(WrappersMP.DIFFUSION_MODEL),
        model.model_options, is_model_options=True)


def hook_callbacks(model, amount):
    model.add_callback(CallbacksMP.ON_PRE_RUN, lambda patcher: saw("callback", "pre_run"))
    model.add_callback(CallbacksMP.ON_CLEANUP, lambda patcher: saw("callback", "cleanup"))
    model.add_callback_with_key(CallbacksMP.ON_LOAD, "pack", lambda *args: saw("callback", "load"))
    model.add_callback(CallbacksMP.ON_CLONE, lambda patcher, twin: saw("callback", "clone"))
    model.set_injections("pack", [PatcherInjection(
        inject=lambda patcher: saw("callback", "inject"),
        eject=lambda patcher: saw("callback", "eject"))])
    model.set_attachments("pack", {"amount": amount})
    assert model.clone().get_attachment("pack") == {"amount": amount}


def hook_weights(model, amount):
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    target = keys["lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_v"]
    weight = model.get_key_patches()[target][0][0]
    added = model.add_patches({target: (torch.ones_like(weight),)}, (amount - 1.0) * 0.01)
    saw("weights", list(added))


def hook_copied_options(model, amount):
    before = copy.deepcopy(sorted(model.model_options))
    model.model_options = comfy.model_patcher.create_model_options_clone(model.model_options)
    model.model_options = comfy.model_patcher.set_model_options_post_cfg_function(
        model.model_options, lambda args: args["denoised"] * amount)
    saw("options", before)


def hook_questions(model, amount):
    network = model.model
    saw("answers", {
        "sd15": isinstance(network.model_config, comfy.supported_models.SD15),
        "class": type(network).__name__,
        "sdxl": isinstance(network, comfy.model_base.SDXL),
        "base": isinstance(network, comfy.model_base.BaseModel),
        "eps": network.model_type == comfy.model_base.ModelType.EPS,
        "latent": isinstance(network.latent_format, comfy.latent_formats.SD15),
        "latent_xl": isinstance(network.latent_format, comfy.latent_formats.SDXL),
        "context": network.model_config.unet_config["context_dim"],
        "attention": sum(isinstance(m, SpatialTransformer) for m in network.diffusion_model.modules()) > 0,
        "device": str(comfy.model_management.get_torch_device()),
        "dtype": str(model.model_dtype()),
        "memory": model.memory_required([2, 4, 8, 8]) > 0,
        "patcher": isinstance(model, comfy.model_patcher.ModelPatcher),
    })


HOOKS = {name[len("hook_"):]: function for name, function in globals().items() if name.startswith("hook_")}


class PackHook:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": ("MODEL",), "kind": (sorted(HOOKS),),
                             "amount": ("FLOAT", {"default": 1.0})}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "tests"

    @classmethod
    def IS_CHANGED(cls, **inputs):
        return float("nan")

    def patch(self, model, kind, amount):
        patched = model.clone()
        HOOKS[kind](patched, amount)
        return (patched,)


NODE_CLASS_MAPPINGS = {"PackHook": PackHook}
