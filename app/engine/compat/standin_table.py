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
    "comfy.clip_vision": (
        "ClipVisionModel Output clip_preprocess convert_to_transformers load "
        "load_clipvision_from_sd"
    ),
    "comfy.conds": "CONDConstant CONDCrossAttn CONDList CONDNoiseShape CONDRegular",
    "comfy.context_windows": (
        "ContextFuseMethod ContextSchedule IndexListContextHandler "
        "create_prepare_sampling_wrapper create_sampler_sample_wrapper "
        "get_matching_context_schedule get_matching_fuse_method"
    ),
    "comfy.controlnet": (
        "ControlBase ControlLora ControlNet ControlNetSD35 StrengthType T2IAdapter "
        "broadcast_image_to load_controlnet load_controlnet_state_dict load_t2i_adapter"
    ),
    "comfy.diffusers_convert": "convert_text_enc_state_dict convert_vae_state_dict",
    "comfy.diffusers_load": "load_diffusers",
    "comfy.float": "stochastic_rounding",
    "comfy.gligen": "Gligen load_gligen",
    "comfy.hooks": (
        "EnumHookMode EnumHookScope EnumHookType Hook HookGroup HookKeyframe "
        "HookKeyframeGroup ObjectPatchHook TransformerOptionsHook WeightHook WrapperHook "
        "create_hook_lora load_hook_lora_for_models set_conds_props "
        "set_conds_props_and_combine set_default_conds_and_combine "
        "set_hooks_for_conditioning set_timesteps_for_conditioning"
    ),
    "comfy.k_diffusion.deis": "get_deis_coeff_list",
    "comfy.k_diffusion.sa_solver": "compute_stochastic_adams_b_coeffs",
    "comfy.k_diffusion.sampling": (
        "BatchedBrownianTree BrownianTreeNoiseSampler append_zero default_noise_sampler "
        "get_ancestral_step get_sigmas_exponential get_sigmas_karras get_sigmas_polyexponential "
        "sample_dpmpp_2m_sde sample_dpmpp_2m_sde_gpu sample_dpmpp_3m_sde "
        "sample_dpmpp_3m_sde_gpu sample_dpmpp_sde sample_dpmpp_sde_gpu sample_euler "
        "sample_euler_ancestral to_d torch"
    ),
    "comfy.k_diffusion.utils": "FolderOfImages append_dims",
    "comfy.latent_formats": (
        "Flux HunyuanVideo LatentFormat LTXV Mochi SC_B SC_Prior SD15 SD3 SDXL "
        "SDXL_Playground_2_5 SD_X4 StableAudio1 Wan21 Wan22"
    ),
    "comfy.lora": (
        "calculate_weight load_lora model_lora_keys_clip model_lora_keys_unet pad_tensor_to_shape"
    ),
    "comfy.lora_convert": "convert_lora",
    "comfy.model_base": (
        "BaseModel CLIPEmbeddingNoiseAugmentation Flux ModelType SD21UNCLIP SD3 SDXL "
        "SDXLRefiner SDXL_instructpix2pix SVD_img2vid Timestep convert_tensor model_sampling "
        "sdxl_pooled"
    ),
    "comfy.model_detection": (
        "convert_config count_blocks detect_unet_config model_config_from_unet "
        "model_config_from_unet_config unet_config_from_diffusers_unet "
        "unet_prefix_from_state_dict"
    ),
    "comfy.model_patcher": (
        "LowVramPatch ModelPatcher PatcherInjection create_hook_patches_clone "
        "create_model_options_clone set_model_options_patch_replace "
        "set_model_options_post_cfg_function set_model_options_pre_cfg_function wipe_lowvram_weight"
    ),
    "comfy.model_sampling": (
        "CONST EDM EPS IMG_TO_IMG ModelSamplingContinuousEDM ModelSamplingContinuousV "
        "ModelSamplingDiscrete ModelSamplingDiscreteFlow ModelSamplingFlux V_PREDICTION X0 "
        "flux_time_shift rescale_zero_terminal_snr_sigmas time_snr_shift"
    ),
    "comfy.ops": (
        "CastWeightBiasOp cast_bias_weight cast_to cast_to_input disable_weight_init fp8_linear "
        "fp8_ops manual_cast pick_operations uncast_bias_weight"
    ),
    "comfy.patcher_extension": (
        "CallbacksMP PatcherInjection WrapperExecutor WrappersMP add_callback "
        "add_callback_with_key add_wrapper add_wrapper_with_key copy_nested_dicts "
        "get_all_callbacks get_all_wrappers get_callbacks_with_key get_wrappers_with_key "
        "merge_nested_dicts"
    ),
    "comfy.quant_ops": "QUANT_ALGOS QuantizedTensor TensorCoreFP8Layout ck",
    "comfy.rmsnorm": "RMSNorm rms_norm",
    "comfy.sample": ("cleanup_additional_models np prepare_mask prepare_sampling"),
    "comfy.sampler_helpers": (
        "cleanup_additional_models cleanup_models convert_cond get_additional_models "
        "get_additional_models_from_model_options get_models_from_cond prepare_mask "
        "prepare_model_patcher prepare_sampling"
    ),
    "comfy.samplers": (
        "CFGGuider KSAMPLER KSamplerX0Inpaint Sampler beta_scheduler calc_cond_batch "
        "calculate_sigmas can_concat_cond cast_to_load_options cast_transformer_options "
        "cfg_function comfy cond_cat ddim_scheduler encode_model_conds get_area_and_mult "
        "k_diffusion_sampling ksampler linear_quadratic_schedule model_management "
        "normal_scheduler process_conds sample sampler_object sampling_function "
        "simple_scheduler uni_pc wrap_model"
    ),
    "comfy.sd": (
        "TEModel detect_te_model load_checkpoint load_diffusion_model_state_dict load_gligen "
        "load_model_weights load_state_dict_guess_config load_style_model "
        "load_text_encoder_state_dicts load_unet_state_dict model_detection save_checkpoint"
    ),
    "comfy.sd1_clip": (
        "ClipTokenWeightEncoder SD1CheckpointClipModel SD1ClipModel SD1Tokenizer SDClipModel "
        "SDTokenizer gen_empty_tokens load_embed"
    ),
    "comfy.sdxl_clip": (
        "SDXLClipG SDXLClipGTokenizer SDXLClipModel SDXLRefinerClipModel SDXLTokenizer"
    ),
    "comfy.supported_models": (
        "Flux FluxSchnell GenmoMochi HunyuanDiT HunyuanVideo LTXV SD15 SD20 SD3 SDXL SDXLRefiner "
        "SVD_img2vid WAN21_T2V models supported_models_base"
    ),
    "comfy.supported_models_base": "BASE ClipTarget",
    "comfy.t2i_adapter.adapter": "Adapter Adapter_light StyleAdapter",
    "comfy.taesd.taehv": "TAEHV apply_model_with_memblocks conv",
    "comfy.taesd.taesd": "Block Clamp Decoder Encoder TAESD conv",
    "comfy.text_encoders.flux": "FluxClipModel FluxTokenizer flux_clip",
    "comfy.text_encoders.sd3_clip": "SD3ClipModel SD3Tokenizer T5XXLModel sd3_clip",
    "comfy.weight_adapter": "LoKrAdapter LoRAAdapter LoHaAdapter WeightAdapterBase adapters",
}

_NETWORKS: Final[dict[str, str]] = {
    "comfy.ldm.common_dit": "pad_to_patch_size rms_norm",
    "comfy.ldm.flux.layers": (
        "DoubleStreamBlock EmbedND LastLayer MLPEmbedder Modulation QKNorm SelfAttention "
        "SingleStreamBlock timestep_embedding"
    ),
    "comfy.ldm.flux.math": "apply_rope attention rope",
    "comfy.ldm.flux.model": "Flux FluxParams",
    "comfy.ldm.lightricks.model": "LTXVModel apply_rotary_emb precompute_freqs_cis",
    "comfy.ldm.lightricks.vae.causal_conv3d": "CausalConv3d",
    "comfy.ldm.lightricks.vae.causal_video_autoencoder": "Decoder Encoder ResnetBlock3D VideoVAE",
    "comfy.ldm.lightricks.vae.pixel_norm": "PixelNorm",
    "comfy.ldm.lumina.model": "FeedForward NextDiT",
    "comfy.ldm.models.autoencoder": "AutoencoderKL AutoencodingEngine",
    "comfy.ldm.modules.attention": (
        "BasicTransformerBlock CrossAttention FeedForward GEGLU SpatialTransformer "
        "SpatialVideoTransformer _ATTN_PRECISION attention_basic attention_flash "
        "attention_pytorch attention_sage attention_split attention_sub_quad "
        "attention_xformers default exists optimized_attention optimized_attention_for_device "
        "optimized_attention_masked wrap_attn"
    ),
    "comfy.ldm.modules.diffusionmodules.mmdit": "JointBlock MMDiT RMSNorm",
    "comfy.ldm.modules.diffusionmodules.model": "AttnBlock Decoder Encoder ResnetBlock",
    "comfy.ldm.modules.diffusionmodules.openaimodel": (
        "Downsample ResBlock SpatialTransformer TimestepBlock TimestepEmbedSequential UNetModel "
        "Upsample VideoResBlock apply_control forward_timestep_embed"
    ),
    "comfy.ldm.modules.diffusionmodules.util": (
        "AlphaBlender checkpoint make_beta_schedule timestep_embedding zero_module"
    ),
    "comfy.ldm.modules.distributions.distributions": "DiagonalGaussianDistribution",
    "comfy.ldm.util": "default exists instantiate_from_config",
    "comfy.ldm.wan.model": (
        "WanAttentionBlock WanI2VCrossAttention WanModel WanSelfAttention WanT2VCrossAttention"
    ),
    "comfy.ldm.wan.vae": "CausalConv3d RMS_norm ResidualBlock WanVAE",
}

_ENGINE: Final[dict[str, str]] = {
    "comfy.model_management": (
        "LoadedModel cast_to_gathered cleanup_models cleanup_models_gc extended_fp16_support "
        "load_model_gpu load_models_gpu maximum_vram_for_weights "
        "offloaded_memory pick_weight_dtype pin_memory unload_model_clones use_more_memory"
    ),
    "comfy.utils": (
        "TRANSFORMER_BLOCKS UNET_MAP_ATTENTIONS UNET_MAP_BASIC UNET_MAP_RESNET "
        "clip_text_transformers_convert convert_sd_to flux_to_diffusers mmdit_to_diffusers "
        "pack_latents transformers_convert unet_to_diffusers unpack_latents"
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
