"""Workflows inside pictures and other media; one module per container."""
