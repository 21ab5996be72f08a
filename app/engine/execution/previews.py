"""Turning the pictures that nodes hand to a progress bar into plain RGB arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def preview_to_rgb(preview: Any) -> tuple[NDArray[np.uint8], bool] | None:
    """Return ``(rgb, owned)`` for a preview of any kind that nodes use.

    Args:
        preview: A PIL image; ``("JPEG" or "PNG", PIL image, largest side or None)``; a float
            tensor ``(batch, height, width, channels)`` or ``(height, width, channels)`` in
            0..1, of which the first picture counts; or a uint8 array
            ``(height, width, 3)``.

    Returns:
        ``(height, width, 3)`` uint8 and whether nobody else holds that memory, or None when
        the value is no picture. A largest side only ever makes a picture smaller (E-521).
    """
    import numpy as np

    limit: int | None = None
    if isinstance(preview, tuple) and len(preview) == 3:
        _, preview, limit = preview
    if isinstance(preview, np.ndarray) and preview.dtype == np.uint8:
        if preview.ndim != 3 or preview.shape[2] != 3:
            return None
        return preview, False
    if hasattr(preview, "detach"):
        preview = _tensor_to_array(preview)
        if preview is None:
            return None
    if isinstance(preview, np.ndarray):
        return _float_to_rgb(preview)
    if hasattr(preview, "convert"):
        if limit and max(preview.size) > limit:
            preview = preview.copy()
            preview.thumbnail((limit, limit))
        return np.array(preview.convert("RGB"), dtype=np.uint8), True
    return None


def _tensor_to_array(tensor: Any) -> NDArray[np.float32] | None:
    if tensor.ndim == 4:
        tensor = tensor[0]
    if tensor.ndim != 3:
        return None
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _float_to_rgb(array: NDArray[Any]) -> tuple[NDArray[np.uint8], bool] | None:
    import numpy as np

    if array.ndim == 4:
        array = array[0]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        return None
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    scaled = np.nan_to_num(array[:, :, :3]) * 255.0
    return np.clip(scaled, 0, 255).astype(np.uint8), True
