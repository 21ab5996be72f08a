"""The V3 io types whose values only travel over links (E-073)."""

from __future__ import annotations

from typing import Any, TypedDict

from app.engine.node_types.v3.base import ComfyTypeIO


class Image(ComfyTypeIO):
    """Pictures: ``(batch, height, width, channels)`` float, 0 to 1."""

    io_type = "IMAGE"


class WanCameraEmbedding(ComfyTypeIO):
    """Camera movement for a video model."""

    io_type = "WAN_CAMERA_EMBEDDING"


class Mask(ComfyTypeIO):
    """Masks: ``(batch, height, width)`` float, 0 to 1."""

    io_type = "MASK"


class Latent(ComfyTypeIO):
    """A latent: a dict with ``samples`` of ``(batch, channels, height, width)``."""

    io_type = "LATENT"

    class LatentDict(TypedDict, total=False):
        """Keys a latent may have."""

        samples: Any
        noise_mask: Any
        batch_index: list[int]
        type: str

    Type = LatentDict


class Conditioning(ComfyTypeIO):
    """Conditioning: a list of ``[tensor, dict]``."""

    io_type = "CONDITIONING"
    PooledDict = dict[str, Any]
    CondList = list[tuple[Any, dict[str, Any]]]
    Type = CondList


class Sampler(ComfyTypeIO):
    """A sampler object."""

    io_type = "SAMPLER"


class Sigmas(ComfyTypeIO):
    """Noise levels: ``(steps + 1,)``, falling."""

    io_type = "SIGMAS"


class Noise(ComfyTypeIO):
    """A noise generator."""

    io_type = "NOISE"


class Guider(ComfyTypeIO):
    """A guider object."""

    io_type = "GUIDER"


class Clip(ComfyTypeIO):
    """A text encoder."""

    io_type = "CLIP"


class ControlNet(ComfyTypeIO):
    """A control network."""

    io_type = "CONTROL_NET"


class Vae(ComfyTypeIO):
    """An image encoder and decoder."""

    io_type = "VAE"


class Model(ComfyTypeIO):
    """A diffusion model with its patches."""

    io_type = "MODEL"


class ClipVision(ComfyTypeIO):
    """An image encoder that makes embeddings."""

    io_type = "CLIP_VISION"


class ClipVisionOutput(ComfyTypeIO):
    """What an image encoder returned."""

    io_type = "CLIP_VISION_OUTPUT"


class StyleModel(ComfyTypeIO):
    """A style model."""

    io_type = "STYLE_MODEL"


class Gligen(ComfyTypeIO):
    """A box-conditioning model."""

    io_type = "GLIGEN"


class UpscaleModel(ComfyTypeIO):
    """A network that enlarges pictures."""

    io_type = "UPSCALE_MODEL"


class LatentUpscaleModel(ComfyTypeIO):
    """A network that enlarges latents."""

    io_type = "LATENT_UPSCALE_MODEL"


class Audio(ComfyTypeIO):
    """Sound: a dict with ``waveform`` of ``(batch, channels, samples)`` and ``sample_rate``."""

    io_type = "AUDIO"

    class AudioDict(TypedDict):
        """Keys of a sound."""

        waveform: Any
        sample_rate: int

    Type = AudioDict


class Video(ComfyTypeIO):
    """A video object."""

    io_type = "VIDEO"


class SVG(ComfyTypeIO):
    """Vector graphics."""

    io_type = "SVG"


class LoraModel(ComfyTypeIO):
    """Weights of a low-rank adapter."""

    io_type = "LORA_MODEL"
    Type = dict[str, Any]


class LossMap(ComfyTypeIO):
    """Losses of a training run."""

    io_type = "LOSS_MAP"
    Type = dict[str, list[Any]]


class Voxel(ComfyTypeIO):
    """A voxel grid."""

    io_type = "VOXEL"


class Mesh(ComfyTypeIO):
    """A mesh."""

    io_type = "MESH"


class Hooks(ComfyTypeIO):
    """Hooks that change a model while it samples."""

    io_type = "HOOKS"


class HookKeyframes(ComfyTypeIO):
    """Strengths of hooks over time."""

    io_type = "HOOK_KEYFRAMES"


class TimestepsRange(ComfyTypeIO):
    """A part of the sampling, from 0 to 1."""

    io_type = "TIMESTEPS_RANGE"
    Type = tuple[float, float]


class LatentOperation(ComfyTypeIO):
    """A function from latent to latent."""

    io_type = "LATENT_OPERATION"


class FlowControl(ComfyTypeIO):
    """The link between the two ends of a loop."""

    io_type = "FLOW_CONTROL"
    Type = tuple[str, Any]


class Accumulation(ComfyTypeIO):
    """Values gathered by a loop."""

    io_type = "ACCUMULATION"
    Type = dict[str, list[Any]]


class Load3DCamera(ComfyTypeIO):
    """A camera of the 3D viewer."""

    io_type = "LOAD3D_CAMERA"
    Type = dict[str, Any]


class Load3D(ComfyTypeIO):
    """A 3D model with its rendered pictures."""

    io_type = "LOAD_3D"
    Type = dict[str, Any]


class Load3DAnimation(ComfyTypeIO):
    """An animated 3D model with its rendered pictures."""

    io_type = "LOAD_3D_ANIMATION"
    Type = dict[str, Any]


class Photomaker(ComfyTypeIO):
    """A portrait encoder."""

    io_type = "PHOTOMAKER"


class Point(ComfyTypeIO):
    """A point."""

    io_type = "POINT"


class FaceAnalysis(ComfyTypeIO):
    """What a face detector found."""

    io_type = "FACE_ANALYSIS"


class BBOX(ComfyTypeIO):
    """Boxes of a detector."""

    io_type = "BBOX"


class SEGS(ComfyTypeIO):
    """Segments of a detector."""

    io_type = "SEGS"


class AnyType(ComfyTypeIO):
    """Anything; the wildcard."""

    io_type = "*"


class MODEL_PATCH(ComfyTypeIO):  # noqa: N801 - the contract's name
    """A patch for a diffusion model."""

    io_type = "MODEL_PATCH"


class AudioEncoder(ComfyTypeIO):
    """A sound encoder."""

    io_type = "AUDIO_ENCODER"


class AudioEncoderOutput(ComfyTypeIO):
    """What a sound encoder returned."""

    io_type = "AUDIO_ENCODER_OUTPUT"


class Tracks(ComfyTypeIO):
    """Movements of points over the frames of a video."""

    io_type = "TRACKS"

    class TrackDict(TypedDict):
        """Keys of a set of tracks."""

        track_path: Any
        track_visibility: Any

    Type = TrackDict


class ImageCompare(ComfyTypeIO):
    """Two lists of pictures to compare."""

    io_type = "IMAGECOMPARE"
    Type = dict[str, Any]
