"""Contrast of both themes (look: window, section 8)."""

from __future__ import annotations

import pytest

from app.ui.theme import load_style
from app.widgets.style import mix

SURFACES = (
    "surface.window", "surface.panel", "surface.raised", "surface.popup", "surface.field",
    "surface.fieldHover", "surface.sunken", "surface.canvas",
)  # fmt: skip
TEXTS = (
    "text.primary", "text.secondary", "text.tertiary", "accent.text", "danger.text",
    "warning.text", "success.text",
)  # fmt: skip
LINES = ("accent.line", "danger.line", "success.line", "selection.line", "focus.ring")
LINK_TYPES = (
    "MODEL", "CLIP", "VAE", "CONDITIONING", "LATENT", "IMAGE", "MASK", "CONTROL_NET",
    "CLIP_VISION", "CLIP_VISION_OUTPUT", "STYLE_MODEL", "UPSCALE_MODEL", "NOISE", "GUIDER",
    "SAMPLER", "SIGMAS", "TAESD", "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "*",
)  # fmt: skip


def luminance(color):
    """Relative luminance as WCAG 2.2 defines it."""

    def linear(part):
        part /= 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in color.getRgb()[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def on(look, surface, state):
    """A surface under a half-transparent state."""
    overlay = look.color(state)
    return mix(look.color(surface), overlay, overlay.alphaF())


@pytest.fixture(params=["dark", "light"])
def look(request, qapp):
    return load_style(request.param)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_text_can_be_read_on_every_surface(look, surface, text):
    assert contrast(look.color(text), look.color(surface)) >= 4.5


@pytest.mark.parametrize("state", ["state.hover", "state.selected"])
@pytest.mark.parametrize("surface", ["surface.window", "surface.popup"])
@pytest.mark.parametrize("text", ["text.primary", "text.secondary"])
def test_text_can_be_read_on_lifted_rows(look, surface, state, text):
    assert contrast(look.color(text), on(look, surface, state)) >= 4.5


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("text.onAccent", "accent.fill"),
        ("text.onAccent", "accent.fillHover"),
        ("text.onAccent", "accent.fillPressed"),
        ("text.onAccent", "danger.fill"),
        ("danger.text", "danger.surface"),
        ("warning.text", "warning.surface"),
        ("success.text", "success.surface"),
        ("accent.text", "accent.surface"),
        ("badge.text", "badge.fill"),
        ("node.titleText", "node.title"),
        ("node.socketText", "node.body"),
        ("widget.label", "widget.fill"),
        ("widget.value", "widget.fill"),
    ],
)
def test_text_can_be_read_on_its_own_ground(look, text, surface):
    assert contrast(look.color(text), look.color(surface)) >= 4.5


@pytest.mark.parametrize("line", LINES)
def test_lines_of_state_stand_out_from_the_canvas(look, line):
    assert contrast(look.color(line), look.color("surface.canvas")) >= 3


def test_amber_stands_out_from_the_canvas_if_only_just(look):
    assert contrast(look.color("warning.line"), look.color("surface.canvas")) >= 3


@pytest.mark.parametrize("type_name", LINK_TYPES)
def test_links_stand_out_from_the_canvas_at_rest_and_lit(look, type_name):
    canvas = look.color("surface.canvas")

    assert contrast(look.link_color(type_name), canvas) >= 3
    assert contrast(look.link_color_at_rest(type_name), canvas) >= 3


def test_letters_of_the_bundled_font_differ(look, window_fonts):
    from app.widgets.themed import text_width

    font = look.font("body")

    assert font.family() == "Inter"
    assert text_width(font, "WWWWW") > 2 * text_width(font, "iiiii")
