"""The mathematics of diffusion: noise levels, and later samplers, guidance and noise."""
