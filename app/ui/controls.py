"""Buttons, chips and switches; they live with the controls, which need them too."""

from app.widgets.buttons import RING, Button, ButtonRole, Chip, ChromeButton, IconButton, Switch

__all__ = ["RING", "Button", "ButtonRole", "Chip", "ChromeButton", "IconButton", "Switch"]
