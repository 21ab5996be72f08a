"""``comfy.latent_formats``: the scale of latents by family, as classes without parameters.

The latents of loaded models have formats of :mod:`app.engine.models.latent_formats`; they are
instances of these classes as well, by their name.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from app.engine.models import latent_formats as formats


class _FormatMeta(type):
    """Takes the records of loaded models for instances of the class of their name."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, formats.LatentFormat):
            own = cls.__dict__.get("name")
            return own is None or own == instance.name
        return super().__instancecheck__(instance)


class LatentFormat(metaclass=_FormatMeta):
    """Scale, channels and preview colours; packs derive from it and set the attributes.

    Attributes:
        latent_channels: Channels.
        latent_dimensions: Axes after the channels.
        scale_factor: Factor from the nodes' scale to the sampler's.
        latent_rgb_factors: One row of red, green and blue a channel, or None.
        taesd_decoder_name: Begin of the file name of its small decoder, or None.
    """

    latent_channels = 4
    latent_dimensions = 2
    scale_factor = 1.0
    shift_factor = 0.0
    means: tuple[float, ...] = ()
    stds: tuple[float, ...] = ()
    latent_rgb_factors: Any = None
    latent_rgb_factors_bias: Any = None
    latent_rgb_factors_reshape: Any = None
    taesd_decoder_name: str | None = None
    spacial_downscale_ratio = 8

    process_in = formats.LatentFormat.process_in
    process_out = formats.LatentFormat.process_out
    _channel_values = formats.LatentFormat._channel_values


def _format(name: str, record: formats.LatentFormat) -> Any:
    body = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    body["__doc__"] = f"The latents of {record.name}."
    body["__module__"] = __name__
    return _FormatMeta(name, (LatentFormat,), body)


SD15 = _format("SD15", formats.SD15)
SDXL = _format("SDXL", formats.SDXL)
SDXL_Playground_2_5 = _format("SDXL_Playground_2_5", formats.SDXL_PLAYGROUND_2_5)
SD_X4 = _format("SD_X4", formats.SD_X4)
SC_Prior = _format("SC_Prior", formats.CASCADE_PRIOR)
SC_B = _format("SC_B", formats.CASCADE_B)
SD3 = _format("SD3", formats.SD3)
Flux = _format("Flux", formats.FLUX)
Flux2 = _format("Flux2", formats.FLUX2)
HunyuanVideo = _format("HunyuanVideo", formats.HUNYUAN_VIDEO)
StableAudio1 = _format("StableAudio1", formats.STABLE_AUDIO)
