"""Make the starter model: fetch its pictures, train it, write the checkpoint.

Stages, in order; each can be run again and goes on where it left off::

    python tools/train_starter_model.py fetch    --work DIR
    python tools/train_starter_model.py upscaler --work DIR --minutes 20
    python tools/train_starter_model.py denoiser --work DIR --minutes 120
    python tools/train_starter_model.py export   --work DIR --out resources/models
    python tools/train_starter_model.py measure  --work DIR --out resources/models

``fetch`` needs npm and the network; the rest runs on the processor alone, in bfloat16 where it
has that. Freeing and asking again for memory costs more than the arithmetic on some machines:
with glibc, set ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000`` first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(description="Make Easel's starter model.")
    parser.add_argument("stage", choices=("fetch", "upscaler", "denoiser", "export", "measure"))
    parser.add_argument("--work", type=Path, required=True, help="folder for everything between")
    parser.add_argument("--minutes", type=float, default=120.0, help="training time in all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("resources/models"))
    options = parser.parse_args()
    import torch

    from tools.starter import pictures, training

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    if options.stage == "fetch":
        pictures.fetch(options.work / "npm")
        pictures.prepare(options.work / "npm", options.work)
        return
    if options.stage == "export":
        from tools.starter.export import export

        export(options.work, options.out)
        return
    if options.stage == "measure":
        from tools.starter.export import FILE_NAME
        from tools.starter.measure import measure

        measure(options.work, options.out / "checkpoints" / FILE_NAME)
        return
    known, small, large = pictures.load(options.work)
    if options.stage == "upscaler":
        training.train_upscaler(large, options.work, options.minutes)
    else:
        training.train_denoiser(known, small, options.work, options.minutes)


if __name__ == "__main__":
    main()
