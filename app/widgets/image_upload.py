"""The button that brings a picture of the artist's into a node."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF

from app.widgets.base import WidgetHost
from app.widgets.button import ButtonWidget
from app.widgets.drawing import Glyph

IMAGE_ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", "exr")


def file_pattern(title: str, endings: Sequence[str]) -> str:
    """Return a file dialog's pattern such as ``"Pictures (*.png *.jpg)"``."""
    return f"{title} ({' '.join(f'*.{ending}' for ending in endings)})"


class ImageUploadWidget(ButtonWidget):
    """Asks for a file and hands it to the host, which copies it and sets the node's choice (U-250).

    Its own value is whatever the file says, usually ``"image"``, and never changes. The options
    ``endings`` and ``title`` of its spec change what kind of file is asked for.
    """

    glyph = Glyph.UPLOAD

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the file dialog."""
        if self.spec.is_read_only:
            return

        def take(path: str) -> None:
            if path:
                host.take_file(self.spec.name, path)

        endings = self.spec.options.get("endings", IMAGE_ENDINGS)
        title = str(self.spec.options.get("title", "Pictures"))
        host.choose_file(self.spec.label, file_pattern(title, endings), take)
