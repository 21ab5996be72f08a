"""Host names that packs know and that have no counterpart here yet.

They are importable, and fail when used. A name leaves this table when the real thing has
been put into the file of its module under ``host/``; a file's own names always win.
Only names that the reference itself has stand here: packs probe for others to find out
which version they run under.
"""

from __future__ import annotations

from typing import Final

_MODELS: Final[dict[str, str]] = {
    "comfy.cldm.cldm": "ControlNet",
    "comfy.clip_model": "CLIPTextModel CLIPVision CLIPVisionModelProjection",
    "comfy.clip_vision": "convert_to_transformers",
    "comfy.context_windows": (
        "ContextFuseMethod ContextSchedule IndexListContextHandler "
        "create_prepare_sampling_wrapper create_sampler_sample_wrapper "
        "get_matching_context_schedule get_matching_fuse_method"
    ),
    "comfy.controlnet": "ControlLora ControlNetSD35 load_controlnet_state_dict load_t2i_adapter",
    "comfy.diffusers_convert": "convert_text_enc_state_dict convert_vae_state_dict",
    "comfy.diffusers_load": "load_diffusers",
    "comfy.gligen": "Gligen load_gligen",
    "comfy.hooks": (
        "Hook ObjectPatchHook TransformerOptionsHook WeightHook WrapperHook create_hook_lora "
        "load_hook_lora_for_models"
    ),
    "comfy.k_diffusion.deis": "get_deis_coeff_list",
    "comfy.k_diffusion.sa_solver": "compute_stochastic_adams_b_coeffs",
    "comfy.latent_formats": "LTXV Mochi Wan21 Wan22",
    "comfy.lora_convert": "convert_lora",
    "comfy.model_base": "CLIPEmbeddingNoiseAugmentation",
    "comfy.model_detection": (
        "convert_config model_config_from_unet_config unet_config_from_diffusers_unet"
    ),
    "comfy.model_patcher": "LowVramPatch create_hook_patches_clone wipe_lowvram_weight",
    "comfy.ops": "fp8_linear fp8_ops",
    "comfy.quant_ops": "QUANT_ALGOS QuantizedTensor TensorCoreFP8Layout ck",
    "comfy.sampler_helpers": "prepare_model_patcher",
    "comfy.samplers": "wrap_model",
    "comfy.sd": (
        "TEModel detect_te_model load_gligen load_model_weights load_style_model "
        "load_text_encoder_state_dicts save_checkpoint"
    ),
    "comfy.sd1_clip": (
        "ClipTokenWeightEncoder SD1CheckpointClipModel SD1ClipModel SD1Tokenizer SDClipModel "
        "SDTokenizer gen_empty_tokens load_embed"
    ),
    "comfy.sdxl_clip": (
        "SDXLClipG SDXLClipGTokenizer SDXLClipModel SDXLRefinerClipModel SDXLTokenizer"
    ),
    "comfy.t2i_adapter.adapter": "Adapter Adapter_light StyleAdapter",
    "comfy.taesd.taehv": "TAEHV apply_model_with_memblocks conv",
    "comfy.taesd.taesd": "Block Clamp Decoder Encoder TAESD conv",
    "comfy.text_encoders.flux": "FluxClipModel FluxTokenizer flux_clip",
    "comfy.text_encoders.sd3_clip": "SD3ClipModel SD3Tokenizer T5XXLModel sd3_clip",
    "comfy.weight_adapter": "LoKrAdapter LoRAAdapter LoHaAdapter WeightAdapterBase adapters",
}

_NETWORKS: Final[dict[str, str]] = {
    "comfy.ldm.flux.layers": (
        "DoubleStreamBlock EmbedND LastLayer MLPEmbedder Modulation QKNorm SelfAttention "
        "SingleStreamBlock"
    ),
    "comfy.ldm.flux.model": "Flux FluxParams",
    "comfy.ldm.lightricks.model": "LTXVModel apply_rotary_emb precompute_freqs_cis",
    "comfy.ldm.lightricks.vae.causal_conv3d": "CausalConv3d",
    "comfy.ldm.lightricks.vae.causal_video_autoencoder": "Decoder Encoder ResnetBlock3D VideoVAE",
    "comfy.ldm.lightricks.vae.pixel_norm": "PixelNorm",
    "comfy.ldm.lumina.model": "FeedForward NextDiT",
    "comfy.ldm.modules.attention": "SpatialVideoTransformer",
    "comfy.ldm.modules.diffusionmodules.mmdit": "JointBlock MMDiT RMSNorm",
    "comfy.ldm.modules.diffusionmodules.model": "AttnBlock Decoder Encoder ResnetBlock",
    "comfy.ldm.modules.diffusionmodules.openaimodel": "VideoResBlock",
    "comfy.ldm.modules.diffusionmodules.util": "AlphaBlender",
    "comfy.ldm.util": "instantiate_from_config",
    "comfy.ldm.wan.model": (
        "WanAttentionBlock WanI2VCrossAttention WanModel WanSelfAttention WanT2VCrossAttention"
    ),
    "comfy.ldm.wan.vae": "CausalConv3d RMS_norm ResidualBlock WanVAE",
}

_ENGINE: Final[dict[str, str]] = {
    "comfy.model_management": "cast_to_gathered pin_memory",
    "comfy.utils": (
        "clip_text_transformers_convert convert_sd_to flux_to_diffusers mmdit_to_diffusers "
        "transformers_convert"
    ),
    "comfy_api.torch_helpers": "set_torch_compile_wrapper",
    "comfy_execution.caching": (
        "BasicCache CacheKeySet CacheKeySetID CacheKeySetInputSignature HierarchicalCache "
        "LRUCache NullCache RAMPressureCache"
    ),
    "comfy_execution.graph": "ExecutionList TopologicalSort",
    "execution": "CacheSet CacheType IsChangedCache get_input_data get_output_data",
    "latent_preview": "TAESD",
}

STAND_INS: Final[dict[str, frozenset[str]]] = {
    module: frozenset(names.split()) for module, names in (_MODELS | _NETWORKS | _ENGINE).items()
}
"""Names by module."""

_CORE: Final = (
    "CheckpointLoader CheckpointLoaderSimple CLIPLoader CLIPSetLastLayer "
    "CLIPTextEncode CLIPVisionEncode CLIPVisionLoader ConditioningAverage "
    "ConditioningCombine ConditioningConcat ConditioningSetArea "
    "ConditioningSetAreaPercentage ConditioningSetAreaStrength ConditioningSetMask "
    "ConditioningSetTimestepRange ConditioningZeroOut ControlNetApply "
    "ControlNetApplyAdvanced ControlNetLoader DiffControlNetLoader DiffusersLoader "
    "DualCLIPLoader EmptyImage EmptyLatentImage GLIGENLoader GLIGENTextBoxApply "
    "ImageBatch ImageInvert ImagePadForOutpaint ImageScale ImageScaleBy "
    "InpaintModelConditioning KSampler KSamplerAdvanced LatentBlend LatentComposite "
    "LatentCrop LatentFlip LatentFromBatch LatentRotate LatentUpscale LatentUpscaleBy "
    "LoadImage LoadImageMask LoadImageOutput LoadLatent LoraLoader "
    "LoraLoaderModelOnly PreviewImage RepeatLatentBatch SaveImage SaveLatent "
    "SetLatentNoiseMask StyleModelApply StyleModelLoader unCLIPCheckpointLoader "
    "unCLIPConditioning UNETLoader VAEDecode VAEDecodeTiled VAEEncode "
    "VAEEncodeForInpaint VAEEncodeTiled VAELoader"
    " common_ksampler init_extra_nodes"
)
CORE_NODES: Final = frozenset(_CORE.split())
"""Names that packs import from ``nodes``; those the built-in pack lacks are stand-ins."""
