"""Names that the reference's ``comfy_extras`` modules have: node types and a few helpers.

Those that the built-in pack has are served by it; the others are stand-ins.
"""

from __future__ import annotations

from typing import Final

EXTRAS: Final[dict[str, str]] = {
    "nodes_ace": "EmptyAceStepLatentAudio TextEncodeAceStepAudio",
    "nodes_advanced_samplers": "SamplerEulerCFGpp SamplerLCMUpscale",
    "nodes_align_your_steps": "AlignYourStepsScheduler",
    "nodes_apg": "APG",
    "nodes_attention_multiply": (
        "CLIPAttentionMultiply UNetCrossAttentionMultiply UNetSelfAttentionMultiply "
        "UNetTemporalAttentionMultiply"
    ),
    "nodes_audio": (
        "AudioAdjustVolume AudioConcat AudioMerge ConditioningStableAudio EmptyAudio "
        "EmptyLatentAudio LoadAudio PreviewAudio RecordAudio SaveAudio SaveAudioMP3 "
        "SaveAudioOpus SplitAudioChannels TrimAudioDuration VAEDecodeAudio VAEEncodeAudio"
    ),
    "nodes_audio_encoder": "AudioEncoderEncode AudioEncoderLoader",
    "nodes_camera_trajectory": "WanCameraEmbedding",
    "nodes_canny": "Canny",
    "nodes_cfg": "CFGNorm CFGZeroStar",
    "nodes_chroma_radiance": "ChromaRadianceOptions EmptyChromaRadianceLatentImage",
    "nodes_clip_sdxl": "CLIPTextEncodeSDXL CLIPTextEncodeSDXLRefiner",
    "nodes_compositing": (
        "JoinImageWithAlpha PorterDuffImageComposite PorterDuffMode SplitImageWithAlpha"
    ),
    "nodes_cond": "CLIPTextEncodeControlnet T5TokenizerOptions",
    "nodes_context_windows": "ContextWindowsManual WanContextWindowsManual",
    "nodes_controlnet": "ControlNetInpaintingAliMamaApply SetUnionControlNetType",
    "nodes_cosmos": (
        "CosmosImageToVideoLatent CosmosPredict2ImageToVideoLatent EmptyCosmosLatentVideo"
    ),
    "nodes_custom_sampler": (
        "AddNoise BasicGuider BasicScheduler BetaSamplingScheduler CFGGuider DisableNoise "
        "DualCFGGuider ExponentialScheduler ExtendIntermediateSigmas FlipSigmas "
        "Guider_Basic KarrasScheduler KSamplerSelect LaplaceScheduler ManualSigmas "
        "Noise_EmptyNoise Noise_RandomNoise PolyexponentialScheduler RandomNoise "
        "SamplerCustom SamplerCustomAdvanced SamplerDPMAdaptative SamplerDPMPP_2M_SDE "
        "SamplerDPMPP_2S_Ancestral SamplerDPMPP_3M_SDE SamplerDPMPP_SDE SamplerER_SDE "
        "SamplerEulerAncestral SamplerEulerAncestralCFGPP SamplerLMS SamplerSASolver "
        "SamplerSEEDS2 SamplingPercentToSigma SDTurboScheduler SetFirstSigma SplitSigmas "
        "SplitSigmasDenoise VPScheduler"
    ),
    "nodes_dataset": (
        "AddTextPrefix AddTextSuffix AdjustBrightness AdjustContrast CenterCropImages "
        "ImageDeduplication ImageGrid LoadImageDataSetFromFolder "
        "LoadImageTextDataSetFromFolder LoadTrainingDataset MakeTrainingDataset "
        "MergeImageLists MergeTextLists NormalizeImages RandomCropImages ReplaceText "
        "ResizeImagesByLongerEdge ResizeImagesByShorterEdge ResolutionBucket "
        "SaveImageDataSetToFolder SaveImageTextDataSetToFolder SaveTrainingDataset "
        "ShuffleDataset ShuffleImageTextDataset StripWhitespace TextToLowercase "
        "TextToUppercase TruncateText"
    ),
    "nodes_differential_diffusion": "DifferentialDiffusion",
    "nodes_easycache": "EasyCache LazyCache",
    "nodes_edit_model": "ReferenceLatent",
    "nodes_eps": "Epsilon TemporalScoreRescaling",
    "nodes_flux": (
        "CLIPTextEncodeFlux EmptyFlux2LatentImage Flux2Scheduler FluxDisableGuidance "
        "FluxGuidance FluxKontextImageScale FluxKontextMultiReferenceLatentMethod"
    ),
    "nodes_freelunch": "FreeU FreeU_V2",
    "nodes_fresca": "FreSca",
    "nodes_gits": "GITSScheduler",
    "nodes_hidream": "CLIPTextEncodeHiDream QuadrupleCLIPLoader",
    "nodes_hooks": (
        "CombineHooks2 CombineHooks4 CombineHooks8 ConditioningSetDefaultCombine "
        "ConditioningSetProperties ConditioningSetPropertiesAndCombine "
        "ConditioningTimestepsRange CreateHookKeyframe CreateHookKeyframesFromFloats "
        "CreateHookKeyframesInterpolated CreateHookLora CreateHookLoraModelOnly "
        "CreateHookModelAsLora CreateHookModelAsLoraModelOnly PairConditioningCombine "
        "PairConditioningSetDefaultCombine PairConditioningSetProperties "
        "PairConditioningSetPropertiesAndCombine SetClipHooks SetHookKeyframes"
    ),
    "nodes_hunyuan": (
        "CLIPTextEncodeHunyuanDiT EmptyHunyuanImageLatent EmptyHunyuanLatentVideo "
        "EmptyHunyuanVideo15Latent HunyuanImageToVideo HunyuanRefinerLatent "
        "HunyuanVideo15ImageToVideo HunyuanVideo15LatentUpscaleWithModel "
        "HunyuanVideo15SuperResolution LatentUpscaleModelLoader "
        "TextEncodeHunyuanVideo_ImageToVideo"
    ),
    "nodes_hunyuan3d": (
        "EmptyLatentHunyuan3Dv2 Hunyuan3Dv2Conditioning Hunyuan3Dv2ConditioningMultiView "
        "SaveGLB VAEDecodeHunyuan3D VoxelToMesh VoxelToMeshBasic"
    ),
    "nodes_hypernetwork": "HypernetworkLoader",
    "nodes_hypertile": "HyperTile",
    "nodes_images": (
        "GetImageSize ImageAddNoise ImageCrop ImageFlip ImageFromBatch ImageRotate "
        "ImageScaleToMaxDimension ImageStitch RepeatImageBatch ResizeAndPadImage "
        "SaveAnimatedPNG SaveAnimatedWEBP SaveSVGNode"
    ),
    "nodes_ip2p": "InstructPixToPixConditioning",
    "nodes_kandinsky5": (
        "CLIPTextEncodeKandinsky5 Kandinsky5ImageToVideo NormalizeVideoLatentStart"
    ),
    "nodes_latent": (
        "LatentAdd LatentApplyOperation LatentApplyOperationCFG LatentBatch "
        "LatentBatchSeedBehavior LatentConcat LatentCut LatentCutToBatch "
        "LatentInterpolate LatentMultiply LatentOperationSharpen "
        "LatentOperationTonemapReinhard LatentSubtract ReplaceVideoLatentFrames"
    ),
    "nodes_load_3d": "Load3D Preview3D",
    "nodes_logic": "ComfySwitchNode CustomCombo",
    "nodes_lora_extract": "LoraSave",
    "nodes_lotus": "LotusConditioning",
    "nodes_lt": (
        "_append_guide_attention_entry EmptyLTXVLatentVideo get_noise_mask LTXVAddGuide "
        "LTXVConcatAVLatent LTXVConditioning LTXVCropGuides LTXVImgToVideo "
        "LTXVImgToVideoInplace LTXVPreprocess LTXVScheduler LTXVSeparateAVLatent "
        "ModelSamplingLTXV"
    ),
    "nodes_lt_audio": (
        "LTXAVTextEncoderLoader LTXVAudioVAEDecode LTXVAudioVAEEncode LTXVAudioVAELoader "
        "LTXVEmptyLatentAudio"
    ),
    "nodes_lt_upsampler": "LTXVLatentUpsampler",
    "nodes_lumina2": "CLIPTextEncodeLumina2 RenormCFG",
    "nodes_mahiro": "Mahiro",
    "nodes_mask": (
        "composite CropMask FeatherMask GrowMask ImageColorToMask ImageCompositeMasked "
        "ImageToMask InvertMask LatentCompositeMasked MaskComposite MaskPreview "
        "MaskToImage SolidMask ThresholdMask"
    ),
    "nodes_mochi": "EmptyMochiLatentVideo",
    "nodes_model_advanced": (
        "LCM ModelComputeDtype ModelSamplingAdvanced ModelSamplingAuraFlow "
        "ModelSamplingContinuousEDM ModelSamplingContinuousV ModelSamplingDiscrete "
        "ModelSamplingDiscreteDistilled ModelSamplingFlux ModelSamplingSD3 "
        "ModelSamplingStableCascade rescale_zero_terminal_snr_sigmas RescaleCFG"
    ),
    "nodes_model_downscale": "PatchModelAddDownscale",
    "nodes_model_merging": (
        "CheckpointSave CLIPMergeAdd CLIPMergeSimple CLIPMergeSubtract CLIPSave "
        "ModelMergeAdd ModelMergeBlocks ModelMergeSimple ModelMergeSubtract ModelSave "
        "save_checkpoint VAESave"
    ),
    "nodes_model_merging_model_specific": (
        "ModelMergeAuraflow ModelMergeCosmos14B ModelMergeCosmos7B "
        "ModelMergeCosmosPredict2_14B ModelMergeCosmosPredict2_2B ModelMergeFlux1 "
        "ModelMergeLTXV ModelMergeMochiPreview ModelMergeQwenImage ModelMergeSD1 "
        "ModelMergeSD2 ModelMergeSD35_Large ModelMergeSD3_2B ModelMergeSDXL "
        "ModelMergeWAN2_1"
    ),
    "nodes_model_patch": (
        "ModelPatchLoader QwenImageDiffsynthControlnet USOStyleReference ZImageFunControlnet"
    ),
    "nodes_morphology": "ImageRGBToYUV ImageYUVToRGB Morphology",
    "nodes_nop": "wanBlockSwap",
    "nodes_optimalsteps": "OptimalStepsScheduler",
    "nodes_pag": "PerturbedAttentionGuidance",
    "nodes_perpneg": "Guider_PerpNeg PerpNeg PerpNegGuider",
    "nodes_photomaker": "PhotoMakerEncode PhotoMakerLoader",
    "nodes_pixart": "CLIPTextEncodePixArtAlpha",
    "nodes_post_processing": (
        "BatchImagesNode BatchLatentsNode BatchMasksNode Blend Blur gaussian_kernel "
        "ImageBlend ImageBlur ImageQuantize ImageScaleToTotalPixels ImageSharpen Quantize "
        "ResizeImageMaskNode Sharpen"
    ),
    "nodes_preview_any": "PreviewAny",
    "nodes_primitive": (
        "PrimitiveBoolean PrimitiveFloat PrimitiveInt PrimitiveString PrimitiveStringMultiline"
    ),
    "nodes_qwen": (
        "EmptyQwenImageLayeredLatentImage TextEncodeQwenImageEdit TextEncodeQwenImageEditPlus"
    ),
    "nodes_rebatch": "RebatchImages RebatchLatents",
    "nodes_rope": "ScaleROPE",
    "nodes_sag": "SelfAttentionGuidance",
    "nodes_sd3": (
        "CLIPTextEncodeSD3 ControlNetApplySD3 EmptySD3LatentImage SkipLayerGuidanceSD3 "
        "TripleCLIPLoader"
    ),
    "nodes_sdupscale": "SD_4XUpscale_Conditioning",
    "nodes_slg": "SkipLayerGuidanceDiT SkipLayerGuidanceDiTSimple",
    "nodes_stable3d": (
        "camera_embeddings StableZero123_Conditioning StableZero123_Conditioning_Batched "
        "SV3D_Conditioning"
    ),
    "nodes_stable_cascade": (
        "StableCascade_EmptyLatentImage StableCascade_StageB_Conditioning "
        "StableCascade_StageC_VAEEncode StableCascade_SuperResolutionControlnet"
    ),
    "nodes_string": (
        "CaseConverter RegexExtract RegexMatch RegexReplace StringCompare "
        "StringConcatenate StringContains StringLength StringReplace StringSubstring "
        "StringTrim"
    ),
    "nodes_tcfg": "TCFG",
    "nodes_tomesd": "TomePatchModel",
    "nodes_torch_compile": "TorchCompileModel",
    "nodes_train": "LoraModelLoader LossGraphNode SaveLoRA TrainLoraNode",
    "nodes_upscale_model": "ImageUpscaleWithModel UpscaleModelLoader",
    "nodes_video": "CreateVideo GetVideoComponents LoadVideo SaveVideo SaveWEBM",
    "nodes_video_model": (
        "ConditioningSetAreaPercentageVideo ImageOnlyCheckpointLoader "
        "ImageOnlyCheckpointSave SVD_img2vid_Conditioning VideoLinearCFGGuidance "
        "VideoTriangleCFGGuidance"
    ),
    "nodes_wan": (
        "TrimVideoLatent Wan22FunControlToVideo Wan22ImageToVideoLatent WanAnimateToVideo "
        "WanCameraImageToVideo WanFirstLastFrameToVideo WanFunControlToVideo "
        "WanFunInpaintToVideo WanHuMoImageToVideo WanImageToVideo "
        "WanPhantomSubjectToVideo WanSoundImageToVideo WanSoundImageToVideoExtend "
        "WanTrackToVideo WanVaceToVideo"
    ),
    "nodes_wanmove": (
        "GenerateTracks WanMoveConcatTrack WanMoveTracksFromCoords WanMoveTrackToVideo "
        "WanMoveVisualizeTracks"
    ),
    "nodes_webcam": "WebcamCapture",
}
"""Names by module, parted by blanks."""

FUNCTIONS: Final[dict[str, str]] = {
    "comfy_extras.nodes_custom_sampler.Guider_Basic": "comfy._guiders",
    "comfy_extras.nodes_custom_sampler.Guider_DualCFG": "comfy._guiders",
    "comfy_extras.nodes_custom_sampler.Noise_EmptyNoise": "nodes.custom_sampling",
    "comfy_extras.nodes_custom_sampler.Noise_RandomNoise": "nodes.custom_sampling",
    "comfy_extras.nodes_model_advanced.LCM": "comfy.model_sampling",
    "comfy_extras.nodes_model_advanced.ModelSamplingDiscreteDistilled": "comfy.model_sampling",
    "comfy_extras.nodes_model_advanced.rescale_zero_terminal_snr_sigmas": "comfy.model_sampling",
    "comfy_extras.nodes_perpneg.Guider_PerpNeg": "comfy._guiders",
    "comfy_extras.nodes_mask.composite": "app.engine.imaging.masks",
    "comfy_extras.nodes_post_processing.gaussian_kernel": "app.engine.imaging.filters",
}
"""Where helpers live that are no node types."""
