"""What loading, sampling, decoding and encoding cost, beside diffusers when it is there.

    .venv/bin/python benchmarks/bench_diffusion.py [--rounds 5] [--threads 1 2]
        [--diffusers-python PATH] [--small] [--size 256] [--folder DIR] [--out FILE.json]

The model is a random SD1.5 of full size (2 GB in float16, made once in ``--folder``), or with
``--small`` the little network of the tests, to see whether this script works. Everything is
computed in float32 on the CPU. Every round asks one side and then the other, each in a process
of its own that waits while the other computes, so that a busy moment hits both. Times are CPU
seconds of the process (user and system), medians of the rounds; wall times stand beside them.

``load``       from the file to weights that are ready to compute, in a fresh process
``import``     until the libraries are there, in the same fresh process
``unet step``  one call for a positive and a negative prompt at ``--size`` px
``vae decode`` a latent of that size
``clip``       one prompt of 77 tokens
``peak``       most anonymous memory (not file pages) that the process held, in MB
``stop``       wall time from asking for Stop in the middle of a step until the run has ended
               (ours only)

Run it on a machine that does nothing else. diffusers and transformers live in an environment of
their own: ``python3 -m venv D && D/bin/pip install torch diffusers transformers``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEXT_IDS = [49406, 320, 1125, 539, 320, 2368, *([49407] * 71)]
"""A photo of a cat, with its marks and padding."""
MEASURES = ("unet", "decode", "clip")
TITLES = {"unet": "unet step", "decode": "vae decode", "clip": "clip"}


# The worker: one side, in its own process


def anonymous_mb() -> float:
    """Return the anonymous memory that this process holds now, in MB (Linux)."""
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    return 0.0


class PeakWatch:
    """Samples this process's anonymous memory; the system keeps no mark of it."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            self.peak = max(self.peak, anonymous_mb())

    def __enter__(self) -> PeakWatch:
        if os.path.exists("/proc/self/status"):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()


def timed(call: Callable[[], Any]) -> dict[str, float]:
    """Return CPU and wall seconds of a call."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    call()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": time.perf_counter() - wall}


class Ours:
    """Easel's networks."""

    def bring_in(self) -> None:
        """Import what loading needs."""
        sys.path.insert(0, str(ROOT))
        from app.engine.device import load_torch

        load_torch()
        import app.engine.models.loading  # noqa: F401

    def load(self, path: str) -> None:
        """Load the checkpoint ready to compute, as the first run of a workflow does."""
        from app.engine.models import memory
        from app.engine.models.loading import load_checkpoint

        found = load_checkpoint(path)
        self.model, self.clip, self.vae = found.model, found.clip, found.vae
        memory.load_models_gpu([self.model, self.clip.patcher, self.vae.patcher])

    def prepare(self, size: int) -> None:
        """Make the inputs."""
        import torch

        cells = size // 8
        self.x = torch.randn(2, 4, cells, cells)
        self.latent = torch.randn(1, 4, cells, cells)
        self.text = torch.randn(2, 77, 768)
        self.tokens = {"l": [[(token, 1.0) for token in TEXT_IDS]]}

    def unet(self) -> None:
        """Predict the noise for two prompts."""
        import torch

        with torch.no_grad():
            self.model.model.diffusion_model(self.x, torch.full((2,), 500.0), context=self.text)

    def decode(self) -> None:
        """Decode a latent."""
        self.vae.decode(self.latent)

    def clip_text(self) -> None:
        """Encode a prompt."""
        self.clip.encode_from_tokens(self.tokens)

    def stop(self) -> float:
        """Return the seconds from asking for Stop inside the second step until the end."""
        from app.engine.diffusion.run import sample_latent

        asked: list[float] = []
        steps: list[float] = []

        class StoppedError(Exception):
            pass

        def check() -> None:
            if asked and time.perf_counter() >= asked[0]:
                raise StoppedError

        def callback(step: int, *_: Any) -> None:
            steps.append(time.perf_counter())
            if len(steps) == 2:  # a third of a step after the second one
                asked.append(steps[1] + (steps[1] - steps[0]) / 3)

        prompt = [[self.text[:1], {}]]
        other = [[self.text[1:], {}]]
        with contextlib.suppress(StoppedError):
            sample_latent(
                self.model, 1, 4, 7.0, "euler", "normal", prompt, other,
                {"samples": self.latent * 0}, callback=callback, check=check,
            )  # fmt: skip
        return time.perf_counter() - asked[0]


class Theirs:
    """The same networks of diffusers and transformers."""

    def bring_in(self) -> None:
        """Import what loading needs."""
        import torch
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        self.torch = torch
        self.parts = (UNet2DConditionModel, AutoencoderKL, CLIPTextConfig, CLIPTextModel)

    def load(self, path: str) -> None:
        """Load the checkpoint ready to compute in float32."""
        from safetensors import safe_open

        unet_class, vae_class, text_config, text_class = self.parts
        with tempfile.TemporaryDirectory() as folder:
            write_configs(Path(folder), path)
            options = {
                "config": folder,
                "local_files_only": True,
                "torch_dtype": self.torch.float32,
            }
            self.unet_model = unet_class.from_single_file(path, subfolder="unet", **options).eval()
            self.vae = vae_class.from_single_file(path, subfolder="vae", **options).eval()
        with self.torch.device("meta"):
            text = text_class(text_config(**TEXT_CONFIG))
        prefix = "cond_stage_model.transformer."
        wanted = set(text.state_dict())
        with safe_open(path, "pt") as file:
            tensors = {
                name: file.get_tensor(key).float()
                for key in file.keys()  # noqa: SIM118 - no mapping
                if key.startswith(prefix)
                for name in (key.removeprefix(prefix), key.removeprefix(prefix + "text_model."))
                if name in wanted
            }
        text.load_state_dict(tensors, assign=True, strict=False)
        for name, buffer in list(text.named_buffers()):
            if buffer.is_meta:  # the numbers of the positions are in no file
                owner = text.get_submodule(name.rpartition(".")[0])
                numbers = self.torch.arange(77).expand(1, -1)
                owner.register_buffer(name.rpartition(".")[2], numbers, persistent=False)
        missing = [name for name, tensor in text.named_parameters() if tensor.is_meta]
        if missing:
            raise SystemExit(f"The text encoder of transformers lacks {missing[0]}.")
        self.text_model = text.eval()

    def prepare(self, size: int) -> None:
        """Make the inputs."""
        cells = size // 8
        self.x = self.torch.randn(2, 4, cells, cells)
        self.latent = self.torch.randn(1, 4, cells, cells)
        self.text = self.torch.randn(2, 77, 768)
        self.ids = self.torch.tensor([TEXT_IDS])

    def unet(self) -> None:
        """Predict the noise for two prompts."""
        with self.torch.no_grad():
            self.unet_model(self.x, 500, encoder_hidden_states=self.text)

    def decode(self) -> None:
        """Decode a latent."""
        with self.torch.no_grad():
            self.vae.decode(self.latent)

    def clip_text(self) -> None:
        """Encode a prompt."""
        with self.torch.no_grad():
            self.text_model(self.ids)


TEXT_CONFIG = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
}  # fmt: skip
VAE_CONFIG = {
    "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
    "in_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32,
    "out_channels": 3, "sample_size": 512,
}  # fmt: skip


def unet_config(shapes: dict[str, list[int]]) -> dict[str, Any]:
    """Return what diffusers wants to know of a UNet, read from its shapes."""
    channels, attends, layers = [320], [False], [0]
    index = 1
    while any(name.startswith(f"input_blocks.{index}.") for name in shapes):
        stem = f"input_blocks.{index}."
        if stem + "0.op.weight" in shapes:
            channels.append(0)
            attends.append(False)
            layers.append(0)
        else:
            channels[-1] = shapes[stem + "0.out_layers.3.weight"][0]
            attends[-1] = stem + "1.norm.weight" in shapes
            layers[-1] += 1
        index += 1
    down = ["CrossAttnDownBlock2D" if cross else "DownBlock2D" for cross in attends]
    up = ["CrossAttnUpBlock2D" if cross else "UpBlock2D" for cross in reversed(attends)]
    return {
        "_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": 8,
        "block_out_channels": channels, "center_input_sample": False,
        "cross_attention_dim": 768, "down_block_types": down, "up_block_types": up,
        "in_channels": 4, "layers_per_block": layers[0], "norm_num_groups": 32,
        "out_channels": 4, "sample_size": 64,
    }  # fmt: skip


def write_configs(folder: Path, checkpoint: str) -> None:
    """Write the descriptions that diffusers wants beside the weights."""
    from safetensors import safe_open

    prefix = "model.diffusion_model."
    with safe_open(checkpoint, "pt") as file:
        shapes = {
            name.removeprefix(prefix): file.get_slice(name).get_shape()
            for name in file.keys()  # noqa: SIM118 - no mapping
            if name.startswith(prefix)
        }
    for name, config in (("unet", unet_config(shapes)), ("vae", VAE_CONFIG)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config))


def work(side: str, path: str, threads: int, size: int) -> None:
    """Answer the commands on standard input, one line of JSON each."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes elsewhere
    worker: Any = Ours() if side == "ours" else Theirs()
    with PeakWatch() as watch:
        imported = timed(worker.bring_in)
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(1)
        loaded = timed(lambda: worker.load(path))
        worker.prepare(size)
        first = {
            "import": imported,
            "load": loaded,
            "anonymous": anonymous_mb(),
            "peak": watch.peak,
        }
        print(json.dumps(first), file=answers)
        for line in sys.stdin:
            command = line.strip()
            if command == "peak":
                answer: dict[str, float] = {"peak": watch.peak, "anonymous": anonymous_mb()}
            elif command == "stop":
                answer = {"wall": worker.stop()}
            else:
                answer = timed(getattr(worker, {"clip": "clip_text"}.get(command, command)))
            print(json.dumps(answer), file=answers)


# The parent: asks both sides in turn


class Side:
    """One worker process."""

    def __init__(self, name: str, python: str, path: Path, threads: int, size: int) -> None:
        self.name = name
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [python, str(Path(__file__).resolve()), "--worker", name, "--file", str(path),
             "--threads", str(threads), "--size", str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.start = self._answer()

    def ask(self, command: str) -> dict[str, Any]:
        """Return the answer to a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process of {self.name} ended; its own words are above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def make_checkpoint(folder: Path, small: bool) -> Path:
    """Return a random checkpoint; it is made when it is not there yet."""
    path = folder / ("random_small.safetensors" if small else "random_sd15.safetensors")
    if not path.exists():
        print(f"Making {path} (once)", flush=True)
        sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "engine" / "models")]
        import random_models
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file(random_models.build("unet_tiny" if small else "unet", "clip", "vae"), part)
        part.replace(path)
    with open(path, "rb") as stream:  # warm, so that no side pays for the disk
        while stream.read(1 << 24):
            pass
    return path


def measure(
    pythons: dict[str, str], path: Path, threads: int, size: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """Return figures by side: medians over rounds."""
    raw: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in pythons}

    def note(side: Side, name: str, answer: dict[str, float]) -> None:
        raw[side.name].setdefault(name, []).append(answer)

    for _ in range(max(1, rounds // 2)):  # a start is slow; fewer of them say enough
        for name, python in pythons.items():
            side = Side(name, python, path, threads, size)
            note(side, "import", side.start["import"])
            note(side, "load", side.start["load"])
            side.close()
    sides = [Side(name, python, path, threads, size) for name, python in pythons.items()]
    figures: dict[str, dict[str, Any]] = {}
    for side in sides:
        figures[side.name] = {"anonymous after load": side.start["anonymous"]}
        for what in MEASURES:
            side.ask(what)  # the first call of each warms up
    for _ in range(rounds):
        for what in MEASURES:
            for side in sides:
                note(side, what, side.ask(what))
    for side in sides:
        own = figures[side.name]
        own["peak"] = side.ask("peak")["peak"]
        if side.name == "ours":
            own["stop"] = statistics.median(side.ask("stop")["wall"] for _ in range(rounds))
        for what, answers in raw[side.name].items():
            for kind in ("cpu", "wall"):
                own[f"{what} {kind}"] = statistics.median(answer[kind] for answer in answers)
        side.close()
    return figures


def show(threads: int, figures: dict[str, dict[str, Any]]) -> None:
    """Print a table, with ratios when there are two sides."""
    word = "thread" if threads == 1 else "threads"
    print(f"\n{threads} {word:<26}" + "".join(f"{name:>12}" for name in figures), end="")
    print(f"{'ratio':>9}" if len(figures) > 1 else "")

    def row(title: str, key: str, digits: int) -> None:
        values = [own.get(key) for own in figures.values()]
        cells = "".join(f"{'-' if v is None else format(v, f'.{digits}f'):>12}" for v in values)
        print(f"  {title:<26}{cells}", end="")
        if len(values) > 1 and all(values):
            print(f"{values[0] / values[1]:>9.2f}", end="")
        print()

    for what in ("import", "load", *MEASURES):
        title = TITLES.get(what, what)
        row(f"{title}, CPU s", f"{what} cpu", 3)
        row(f"{title}, wall s", f"{what} wall", 3)
    row("anonymous after load, MB", "anonymous after load", 0)
    row("peak anonymous, MB", "peak", 0)
    row("stop inside a step, s", "stop", 3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=256, help="side of the picture in px")
    parser.add_argument("--small", action="store_true", help="the little network of the tests")
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "easel-bench"))
    parser.add_argument("--diffusers-python", help="a Python that has diffusers and transformers")
    parser.add_argument("--out", help="write the figures to this file as JSON")
    parser.add_argument("--worker", choices=["ours", "diffusers"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.file, options.threads[0], options.size)
        return
    path = make_checkpoint(Path(options.folder), options.small)
    pythons = {"ours": sys.executable}
    if options.diffusers_python:
        pythons["diffusers"] = options.diffusers_python
    found = {}
    for threads in options.threads:
        figures = measure(pythons, path, threads, options.size, options.rounds)
        found[str(threads)] = figures
        show(threads, figures)
        sys.stdout.flush()
    if options.out:
        Path(options.out).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
