"""Where a camera stands, as models that turn objects take it."""

from __future__ import annotations

import math

import torch


def camera_vector(elevation: float, azimuth: float) -> torch.Tensor:
    """Return ``(1, 4)``: change of elevation, sine and cosine of the turn, height of the picture.

    Args:
        elevation: Degrees that the camera goes up.
        azimuth: Degrees that it goes round.
    """
    turn = math.radians(azimuth)
    # The last number is the angle to the vertical of a picture taken from the side.
    return torch.tensor(
        [[math.radians(-elevation), math.sin(turn), math.cos(turn), math.radians(90.0)]]
    )
