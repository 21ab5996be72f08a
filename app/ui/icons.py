"""Icons at their final pixel size; they live with the controls, which need them too."""

from app.widgets.icons import icon, icon_pixmap, paint_icon

__all__ = ["icon", "icon_pixmap", "paint_icon"]
