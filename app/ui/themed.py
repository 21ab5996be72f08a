"""What the parts around the canvas share; it lives with the controls, which need it too."""

from app.widgets.themed import (
    KEYBOARD_REASONS,
    Themed,
    elided,
    is_keyboard_focus,
    over,
    paint_bar,
    paint_box,
    paint_ring,
    paint_text,
    point,
    restyle,
    text_width,
)

__all__ = [
    "KEYBOARD_REASONS",
    "Themed",
    "elided",
    "is_keyboard_focus",
    "over",
    "paint_bar",
    "paint_box",
    "paint_ring",
    "paint_text",
    "point",
    "restyle",
    "text_width",
]
