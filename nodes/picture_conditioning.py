"""Show pictures to models that were made to look at one: editing, upscaling, turning, filming."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from node_helpers import conditioning_set_values

from app.engine.imaging.resize import common_upscale
from app.engine.models.camera import camera_vector

from .input_options import Option, number, plug, whole
from .value_types import MAX_RESOLUTION, Conditioning, InputTypes

_POSITIVE = "What the picture shall show."
_NEGATIVE = "What it shall not show."


def _both(positive: Conditioning, negative: Conditioning, values: dict[str, Any]) -> list[Any]:
    return [conditioning_set_values(prompt, values) for prompt in (positive, negative)]


def _cond_outputs(latent_tooltip: str) -> list[Any]:
    return [
        io.Conditioning.Output(display_name="positive", tooltip="The positive prompt."),
        io.Conditioning.Output(display_name="negative", tooltip="The negative prompt."),
        io.Latent.Output(display_name="latent", tooltip=latent_tooltip),
    ]


class InstructPixToPixConditioning(io.ComfyNode):
    """Show an editing model the picture to edit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare prompts, VAE and picture."""
        return io.Schema(
            node_id="InstructPixToPixConditioning",
            category="conditioning/instructpix2pix",
            description=(
                "Shows a picture to models that edit by instruction, such as InstructPix2Pix. "
                "The prompt says what to change."
            ),
            inputs=[
                io.Conditioning.Input("positive", tooltip="The instruction."),
                io.Conditioning.Input("negative", tooltip=_NEGATIVE),
                io.Vae.Input("vae", tooltip="The VAE of the model."),
                io.Image.Input("pixels", tooltip="The picture to edit."),
            ],
            outputs=_cond_outputs("An empty latent in the picture's size."),
        )

    @classmethod
    def execute(
        cls, positive: Conditioning, negative: Conditioning, pixels: torch.Tensor, vae: Any
    ) -> io.NodeOutput:
        """Return both prompts with the picture, and an empty latent."""
        latent = vae.encode(_whole_cells(pixels))
        prompts = _both(positive, negative, {"concat_latent_image": latent})
        return io.NodeOutput(*prompts, {"samples": torch.zeros_like(latent)})

    encode = execute


def _whole_cells(pixels: torch.Tensor, cell: int = 8) -> torch.Tensor:
    """Cut pictures around the middle to whole latent cells."""
    height, width = pixels.shape[1:3]
    rows, columns = height // cell * cell, width // cell * cell
    top, left = (height % cell) // 2, (width % cell) // 2
    return pixels[:, top : top + rows, left : left + columns]


class SD_4XUpscale_Conditioning(io.ComfyNode):
    """Show an upscaling model the small picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare pictures, prompts, size and noise."""
        return io.Schema(
            node_id="SD_4XUpscale_Conditioning",
            category="conditioning/upscale_diffusion",
            description="Shows a small picture to Stable Diffusion's upscaling model.",
            inputs=[
                io.Image.Input("images", tooltip="The small pictures."),
                io.Conditioning.Input("positive", tooltip=_POSITIVE),
                io.Conditioning.Input("negative", tooltip=_NEGATIVE),
                io.Float.Input(
                    "scale_ratio",
                    default=4.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How many times larger the result is.",
                ),
                io.Float.Input(
                    "noise_augmentation",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Noise on the small picture; more lets the model invent more.",
                ),
            ],
            outputs=_cond_outputs("An empty latent for the larger picture."),
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        positive: Conditioning,
        negative: Conditioning,
        scale_ratio: float,
        noise_augmentation: float,
    ) -> io.NodeOutput:
        """Return both prompts with the small picture, and an empty latent."""
        width = max(1, round(images.shape[-2] * scale_ratio))
        height = max(1, round(images.shape[-3] * scale_ratio))
        small = images.movedim(-1, 1)[:, :3] * 2.0 - 1.0
        small = common_upscale(small, width // 4, height // 4, "bilinear", "center")
        values = {"concat_image": small, "noise_augmentation": noise_augmentation}
        latent = torch.zeros([images.shape[0], 4, height // 4, width // 4])
        return io.NodeOutput(*_both(positive, negative, values), {"samples": latent})

    encode = execute


def _side(name: str, default: int) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=default,
        min=16,
        max=MAX_RESOLUTION,
        step=8,
        tooltip=f"{name.capitalize()} of the result in pixels.",
    )


def _angle(name: str, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name, default=0.0, min=-180.0, max=180.0, step=0.1, round=False, tooltip=tooltip
    )


def _object_inputs(side: int) -> list[Any]:
    return [
        io.ClipVision.Input("clip_vision", tooltip="The picture encoder of the checkpoint."),
        io.Image.Input("init_image", tooltip="The picture of the object."),
        io.Vae.Input("vae", tooltip="The VAE of the checkpoint."),
        _side("width", side),
        _side("height", side),
    ]


def _turn_inputs() -> list[Any]:
    return [
        *_object_inputs(256),
        io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="Number of pictures."),
        _angle("elevation", "Degrees that the camera goes up."),
        _angle("azimuth", "Degrees that the camera goes round."),
    ]


def _fitted(picture: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Return pictures ``(N, H, W, 3 or 4)`` cut and scaled to a size, in three channels."""
    pixels = common_upscale(picture.movedim(-1, 1), width, height, "bilinear", "center")
    return pixels.movedim(1, -1)[..., :3]


def _empty(count: int, width: int, height: int) -> torch.Tensor:
    """Return empty latents for pictures of a size in pixels."""
    return torch.zeros([count, 4, height // 8, width // 8])


def _shown(
    latent: torch.Tensor, cond: torch.Tensor, unseen: torch.Tensor, **values: Any
) -> tuple[Conditioning, Conditioning]:
    """Return a prompt that shows a picture, and one that shows nothing.

    Args:
        latent: The picture as the VAE sees it.
        cond: The positive prompt.
        unseen: What the negative prompt has zeros for.
        values: What both carry besides.
    """
    positive = [[cond, {"concat_latent_image": latent, **values}]]
    blank = {"concat_latent_image": torch.zeros_like(latent), **values}
    return positive, [[torch.zeros_like(unseen), blank]]


def _seen_from(
    clip_vision: Any,
    init_image: torch.Tensor,
    vae: Any,
    size: tuple[int, int],
    angles: list[tuple[float, float]],
) -> tuple[Conditioning, Conditioning]:
    """Return prompts that turn an object: one row for each ``(elevation, azimuth)``."""
    embeds = clip_vision.encode_image(init_image).image_embeds.unsqueeze(0)
    latent = vae.encode(_fitted(init_image, *size))
    places = torch.cat([camera_vector(*angle) for angle in angles]).unsqueeze(1)
    rows = embeds.expand(len(angles), -1, -1) if embeds.shape[0] == 1 else embeds
    cond = torch.cat([rows, places.to(rows)], dim=-1)
    return _shown(latent, cond, embeds)


class StableZero123_Conditioning(io.ComfyNode):
    """Turn the object of a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, picture, VAE, size and angles."""
        return io.Schema(
            node_id="StableZero123_Conditioning",
            category="conditioning/3d_models",
            description="Asks Stable Zero123 for the object of a picture, seen from elsewhere.",
            inputs=_turn_inputs(),
            outputs=_cond_outputs("Empty latents for the pictures."),
        )

    @classmethod
    def execute(
        cls,
        clip_vision: Any,
        init_image: torch.Tensor,
        vae: Any,
        width: int,
        height: int,
        batch_size: int,
        elevation: float,
        azimuth: float,
    ) -> io.NodeOutput:
        """Return both prompts and empty latents."""
        angles = [(elevation, azimuth)]
        prompts = _seen_from(clip_vision, init_image, vae, (width, height), angles)
        return io.NodeOutput(*prompts, {"samples": _empty(batch_size, width, height)})

    encode = execute


class StableZero123_Conditioning_Batched(io.ComfyNode):
    """Turn the object of a picture step by step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, picture, VAE, size, angles and steps."""
        return io.Schema(
            node_id="StableZero123_Conditioning_Batched",
            category="conditioning/3d_models",
            description="Asks Stable Zero123 for a row of pictures that go round an object.",
            inputs=[
                *_turn_inputs(),
                _angle("elevation_batch_increment", "Degrees up from picture to picture."),
                _angle("azimuth_batch_increment", "Degrees round from picture to picture."),
            ],
            outputs=_cond_outputs("Empty latents for the pictures."),
        )

    @classmethod
    def execute(
        cls,
        clip_vision: Any,
        init_image: torch.Tensor,
        vae: Any,
        width: int,
        height: int,
        batch_size: int,
        elevation: float,
        azimuth: float,
        elevation_batch_increment: float,
        azimuth_batch_increment: float,
    ) -> io.NodeOutput:
        """Return both prompts and empty latents, which share one noise."""
        angles = [
            (
                elevation + index * elevation_batch_increment,
                azimuth + index * azimuth_batch_increment,
            )
            for index in range(batch_size)
        ]
        prompts = _seen_from(clip_vision, init_image, vae, (width, height), angles)
        latent = _empty(batch_size, width, height)
        return io.NodeOutput(*prompts, {"samples": latent, "batch_index": [0] * batch_size})

    encode = execute


class SV3D_Conditioning(io.ComfyNode):
    """Film a way round an object."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare encoder, picture, VAE, size and height."""
        return io.Schema(
            node_id="SV3D_Conditioning",
            category="conditioning/3d_models",
            description="Asks SV3D for a film that goes round the object of a picture.",
            inputs=[
                *_object_inputs(576),
                io.Int.Input(
                    "video_frames", default=21, min=1, max=4096, tooltip="Number of frames."
                ),
                io.Float.Input(
                    "elevation",
                    default=0.0,
                    min=-90.0,
                    max=90.0,
                    step=0.1,
                    round=False,
                    tooltip="Degrees that the camera looks from above.",
                ),
            ],
            outputs=_cond_outputs("Empty latents for the frames."),
        )

    @classmethod
    def execute(
        cls,
        clip_vision: Any,
        init_image: torch.Tensor,
        vae: Any,
        width: int,
        height: int,
        video_frames: int,
        elevation: float,
    ) -> io.NodeOutput:
        """Return both prompts and empty latents; the last frame is a step before the first."""
        embeds = clip_vision.encode_image(init_image).image_embeds.unsqueeze(0)
        latent = vae.encode(_fitted(init_image, width, height))
        step = 360.0 / max(video_frames, 2)
        azimuths = [(index + 1) * step % 360.0 for index in range(video_frames)]
        prompts = _shown(
            latent,
            embeds,
            embeds,
            elevation=torch.tensor([elevation] * video_frames),
            azimuth=torch.tensor(azimuths),
        )
        return io.NodeOutput(*prompts, {"samples": _empty(video_frames, width, height)})

    encode = execute


class SVD_img2vid_Conditioning:
    """Set a picture in motion."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare encoder, picture, VAE, size, frames and motion."""

        def side(default: int, what: str) -> Option:
            return whole(default, 16, MAX_RESOLUTION, f"{what} of the film in pixels.", 8)

        return {
            "required": {
                "clip_vision": plug("CLIP_VISION", "The picture encoder of the checkpoint."),
                "init_image": plug("IMAGE", "The first frame."),
                "vae": plug("VAE", "The VAE of the checkpoint."),
                "width": side(1024, "Width"),
                "height": side(576, "Height"),
                "video_frames": whole(14, 1, 4096, "Number of frames."),
                "motion_bucket_id": whole(127, 1, 1023, "How much moves; more is livelier."),
                "fps": whole(6, 1, 1024, "Frames a second that the motion is meant for."),
                "augmentation_level": number(
                    0.0, 0.0, 10.0, 0.01, "Noise on the first frame; more leaves it sooner."
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING", "CONDITIONING", "LATENT")
    RETURN_NAMES = ("positive", "negative", "latent")
    FUNCTION = "encode"
    CATEGORY = "conditioning/video_models"
    DESCRIPTION = "Asks Stable Video Diffusion for a film that begins with a picture."

    def encode(
        self,
        clip_vision: Any,
        init_image: torch.Tensor,
        vae: Any,
        width: int,
        height: int,
        video_frames: int,
        motion_bucket_id: int,
        fps: int,
        augmentation_level: float,
    ) -> tuple[Conditioning, Conditioning, dict[str, Any]]:
        """Return both prompts and empty latents."""
        embeds = clip_vision.encode_image(init_image).image_embeds.unsqueeze(0)
        pixels = _fitted(init_image, width, height)
        if augmentation_level > 0:
            pixels = pixels + torch.randn_like(pixels) * augmentation_level
        latent = vae.encode(pixels)
        prompts = _shown(
            latent,
            embeds,
            embeds,
            motion_bucket_id=motion_bucket_id,
            fps=fps,
            augmentation_level=augmentation_level,
        )
        return *prompts, {"samples": _empty(video_frames, width, height)}


class ConditioningSetAreaPercentageVideo:
    """Limit a prompt to a part of a film."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning, size, place and strength."""
        return {
            "required": {
                "conditioning": plug("CONDITIONING", "The prompt to place."),
                "width": number(1.0, 0, 1.0, 0.01, "Width of the area; 1 is the whole frame."),
                "height": number(1.0, 0, 1.0, 0.01, "Height of the area; 1 is the whole frame."),
                "temporal": number(1.0, 0, 1.0, 0.01, "Length in time; 1 is the whole film."),
                "x": number(0, 0, 1.0, 0.01, "Left edge of the area."),
                "y": number(0, 0, 1.0, 0.01, "Top edge of the area."),
                "z": number(0, 0, 1.0, 0.01, "Where in the film it begins."),
                "strength": number(1.0, 0.0, 10.0, 0.01, "Weight of the prompt there."),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning"
    DESCRIPTION = "Limits a prompt to a part of the frame and of the time of a film."

    def append(
        self,
        conditioning: Conditioning,
        width: float,
        height: float,
        temporal: float,
        x: float,
        y: float,
        z: float,
        strength: float,
    ) -> tuple[Conditioning]:
        """Return the placed prompt."""
        values = {
            "area": ("percentage", temporal, height, width, z, y, x),
            "strength": strength,
            "set_area_to_bounds": False,
        }
        return (conditioning_set_values(conditioning, values),)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        InstructPixToPixConditioning, SD_4XUpscale_Conditioning, StableZero123_Conditioning,
        StableZero123_Conditioning_Batched, SV3D_Conditioning, SVD_img2vid_Conditioning,
        ConditioningSetAreaPercentageVideo,
    )
}  # fmt: skip
