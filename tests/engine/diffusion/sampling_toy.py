"""Closed-form inputs of the recorded cases in tests/data/diffusion.

Nothing here depends on a random generator except `rnd`, which seeds a torch CPU
generator with crc32(name)."""

import zlib

import torch

S2 = 0.25  # variance of the toy data distribution


def _idx(shape):
    n = 1
    for s in shape:
        n *= s
    return torch.arange(n, dtype=torch.float64).reshape(tuple(shape))


def latent(shape):
    """smooth-ish deterministic latent in about [-1.5, 1.5]"""
    i = _idx(shape)
    return (torch.sin(0.7311 * i) + 0.5 * torch.cos(0.0913 * i + 0.4)).float()


def image(shape, phase=0.0):
    """deterministic image in [0, 1], layout B,H,W,C"""
    b, h, w, c = shape
    y = torch.arange(h, dtype=torch.float64).reshape(1, h, 1, 1)
    x = torch.arange(w, dtype=torch.float64).reshape(1, 1, w, 1)
    k = torch.arange(c, dtype=torch.float64).reshape(1, 1, 1, c)
    n = torch.arange(b, dtype=torch.float64).reshape(b, 1, 1, 1)
    v = (
        torch.sin(0.31 * x + 0.17 * y + 1.3 * k + phase + n)
        + torch.cos(0.011 * x * y + 0.9 * k - phase + 0.5 * n)
        + 0.35 * torch.sin(1.9 * x - 2.3 * y + k)
    )
    return (0.5 + v / 4.8).clamp(0, 1).float()


def mask(shape):
    """deterministic soft mask in [0, 1], layout B,H,W"""
    b, h, w = shape
    y = torch.arange(h, dtype=torch.float64).reshape(1, h, 1) / h
    x = torch.arange(w, dtype=torch.float64).reshape(1, 1, w) / w
    n = torch.arange(b, dtype=torch.float64).reshape(b, 1, 1)
    v = 1.4 - 4.0 * ((x - 0.45 - 0.1 * n) ** 2 + (y - 0.55) ** 2) ** 0.5
    return v.clamp(0, 1).float()


def ctx(seed, n=77, dim=768):
    """deterministic text conditioning 1,n,dim"""
    i = _idx((1, n, dim))
    return torch.sin(i * (0.013 + 0.001 * seed) + seed).float()


def rnd(name, shape):
    g = torch.Generator(device="cpu")
    g.manual_seed(zlib.crc32(name.encode()))
    return torch.randn(tuple(shape), generator=g)


def denoise(x, sigma, flow, positive):
    """posterior mean for Gaussian data plus a small non-linear term.

    x: B,C,H,W   sigma: B   flow: True for x_t = (1-s)*x0 + s*noise, False for x_t = x0 + s*noise
    """
    s = sigma.reshape(-1, *([1] * (x.ndim - 1))).to(x)
    i = torch.arange(x[0].numel(), dtype=x.dtype, device=x.device).reshape(x[:1].shape)
    mu = 0.5 * torch.sin(0.37 * i) if positive else 0.3 * torch.cos(0.21 * i)
    if flow:
        a = 1.0 - s
        d = mu + a * S2 / (a * a * S2 + s * s) * (x - a * mu)
        return d + 0.05 * s * torch.sin(3.0 * x)
    d = (S2 * x + s * s * mu) / (S2 + s * s)
    return d + 0.05 * s / (1.0 + s) * torch.sin(3.0 * x / (1.0 + s))


def cond_model(x, t, c):
    """closed-form stand-in for a model in the conditioning tests (returns denoised)"""
    bias = c.mean(dim=(1, 2)).reshape(-1, 1, 1, 1) * 5.0
    ramp = torch.arange(x.shape[-1], dtype=x.dtype).reshape(1, 1, 1, -1) * 0.01
    return x * 0.2 + bias + ramp + t.reshape(-1, 1, 1, 1) * 0.03


def cond_entry(e):
    """the dict part of a conditioning entry described by cond_cases()"""
    out = {
        k: (tuple(v) if isinstance(v, list) else v)
        for k, v in e.items()
        if k not in ("seed", "n", "mask")
    }
    if "mask" in e:
        name = e["mask"]
        m = mask((1, 64, 96)) if name in ("m1", "m1_zero") else mask((2, 16, 24))
        out["mask"] = m * 0 if name == "m1_zero" else m
    return out


def cond_cases():
    """name -> (positive, negative); every entry is ctx(seed, n) plus the listed keys"""

    def c(seed, **kw):
        return dict(kw, seed=seed)

    m = {"mask": "m1", "mask_strength": 1.0, "set_area_to_bounds": False}
    neg = [c(2)]
    return {
        "plain": ([c(1)], neg),
        "two_pos": ([c(1), c(3)], neg),
        "len_154": ([c(1, n=154)], neg),
        "len_77_231": ([c(1, n=231)], neg),
        "len_77_385": ([c(1, n=385)], neg),
        "area": ([c(1, area=[8, 8, 0, 0], strength=1.0), c(3)], neg),
        "area_off": ([c(1, area=[8, 12, 4, 6], strength=0.7), c(3)], neg),
        "area_edge": ([c(1, area=[12, 12, 8, 16], strength=1.0), c(3)], neg),
        "area_only": ([c(1, area=[8, 8, 2, 3], strength=1.0)], neg),
        "area_pct": ([c(1, area=["percentage", 0.5, 0.33, 0.25, 0.5], strength=1.0), c(3)], neg),
        "area_tiny": ([c(1, area=[2, 3, 5, 5], strength=1.0), c(3)], neg),
        "area_two": (
            [
                c(1, area=[16, 12, 0, 0], strength=1.0),
                c(3, area=[16, 12, 0, 12], strength=1.0),
                c(4, strength=0.3),
            ],
            neg,
        ),
        "area_neg": ([c(1)], [c(2), c(5, area=[8, 8, 4, 4], strength=1.0)]),
        "mask": ([c(1, **m), c(3)], neg),
        "mask_s": ([c(1, **dict(m, mask_strength=0.4)), c(3, strength=2.0)], neg),
        "mask_bounds": ([c(1, **dict(m, set_area_to_bounds=True)), c(3)], neg),
        "mask_batch": ([c(1, **dict(m, mask="m2")), c(3)], neg),
        "mask_zero_bounds": ([c(1, **dict(m, mask="m1_zero", set_area_to_bounds=True)), c(3)], neg),
        "range_in": (
            [c(1, start_percent=0.0, end_percent=0.5), c(3, start_percent=0.5, end_percent=1.0)],
            neg,
        ),
        "range_none": ([c(1, start_percent=0.8, end_percent=1.0)], neg),
        "default": ([c(1, **m), c(3, default=True)], neg),
        "strength_only": ([c(1, strength=0.5)], neg),
    }
