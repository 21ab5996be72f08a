"""Easel, a native desktop node editor for image generation and image work."""

__version__ = "0.1.0"
