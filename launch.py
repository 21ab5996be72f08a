#!/usr/bin/env python3
"""Set Easel up and start it. Needs only Python 3.11 or newer and pip.

    python3 launch.py              open the window (or, without a display, run the starter workflow)
    python3 launch.py test         check and test everything
    python3 launch.py COMMAND ...  any command of the program, such as: run, convert, doctor
    python3 launch.py --setup      set up only

The first start makes ``.venv`` beside this file and installs the versions named in the lock
files. Later starts do none of that until a lock changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
IS_WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if IS_WINDOWS else "bin/python")
LOCKS = {"run": ("requirements.lock",), "dev": ("requirements.lock", "requirements-dev.lock")}
EXTRA = "requirements-extra.lock"

# Debian packages by the shared library that Qt's wheels expect from the system.
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libzstd.so.1": "libzstd1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def main(arguments: list[str]) -> int:
    """Set up what is missing, then hand over to the program or the checks."""
    if sys.version_info < (3, 11):
        version = ".".join(str(part) for part in sys.version_info[:3])
        print(f"Easel needs Python 3.11 or newer; this is {version}.", file=sys.stderr)
        return 2
    testing = arguments[:1] == ["test"]
    try:
        ensure_environment("dev" if testing else "run")
        ensure_system_libraries()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    if arguments[:1] == ["--setup"]:
        if extra_is_missing():
            install_extra()
        return 0
    if testing:
        return run_checks(arguments[1:])
    return hand_over([str(PYTHON), "-m", "app", *arguments])


class SetupError(Exception):
    """Setting up failed; the message says what to do."""


def ensure_environment(kind: str) -> None:
    """Make ``.venv`` and install the locked versions, unless that has been done already."""
    stamp = VENV / f"easel-{kind}.stamp"
    wanted = fingerprint(kind)
    if PYTHON.exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    if not PYTHON.exists():
        print("Making the Python environment in .venv", flush=True)
        venv.EnvBuilder(with_pip=True, clear=VENV.exists()).create(VENV)
    packages = wanted_packages(kind)
    print(f"Installing {len(packages)} packages. {torch_note()}", flush=True)
    started = time.monotonic()
    constraints = [part for lock in LOCKS[kind] for part in ("-c", str(ROOT / lock))]
    if wants_cuda_choice():
        install_with_uv(packages, constraints)
    else:
        pip_install([*constraints, *packages])
    install_extra()
    # The editable install gives the `easel` command; it needs nothing from the network.
    pip_install(["--no-deps", "--no-build-isolation", "-e", str(ROOT)], quiet=True)
    # Compiled now, so that the first window is as quick as all later ones.
    compile_all = [str(PYTHON), "-m", "compileall", "-q", "app", "nodes"]
    subprocess.run(compile_all, cwd=ROOT, check=False)
    stamp.write_text(wanted, "utf-8")
    print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def fingerprint(kind: str) -> str:
    """Return a text that changes whenever an installation would give something else."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}{ROOT}".encode())
    for name in ("pyproject.toml", EXTRA, *LOCKS[kind]):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install_extra() -> None:
    """Install what upscale models need, without what those packages declare to need.

    They name torchvision, of which three functions are used and which would bring another build
    of torch. Everything but upscale models works without them, so a failure is only told.
    """
    try:
        pip_install(["--no-deps", "-r", str(ROOT / EXTRA)], quiet=True)
    except SetupError:
        print(
            "Upscale models will not work: the packages of requirements-extra.lock could not be "
            "installed. Run this again with --setup to retry.",
            file=sys.stderr,
        )


def extra_is_missing() -> bool:
    """Tell whether an earlier set-up could not install what upscale models need."""
    check = (
        "import sys; from importlib.util import find_spec; "
        "sys.exit(not (find_spec('einops') and find_spec('spandrel')))"
    )
    return subprocess.run([str(PYTHON), "-c", check], check=False).returncode != 0


def wanted_packages(kind: str) -> list[str]:
    """Return the requirements of pyproject.toml; the lock decides their versions."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    packages = list(project["dependencies"])
    if kind == "dev":
        packages += project["optional-dependencies"]["dev"]
    return packages


def torch_note() -> str:
    """Say which build of torch is installed, because it decides what runs on the GPU."""
    if sys.platform == "darwin":
        return "PyTorch comes with Metal."
    if wants_cuda_choice():
        return "PyTorch is chosen to fit your NVIDIA driver."
    return "PyTorch is the standard build of your system."


def wants_cuda_choice() -> bool:
    """Tell whether this is Windows with an NVIDIA card, where the plain wheel has no CUDA."""
    return IS_WINDOWS and shutil.which("nvidia-smi") is not None


def install_with_uv(packages: list[str], constraints: list[str]) -> None:
    """Install with uv, which picks the torch build that fits the graphics driver."""
    pip_install(["uv"], quiet=True)
    command = [str(PYTHON), "-m", "uv", "pip", "install", "--torch-backend=auto"]
    if subprocess.run([*command, *constraints, *packages], check=False).returncode:
        raise SetupError("The installation failed; the lines above say why. Run it again to retry.")


def pip_install(arguments: list[str], *, quiet: bool = False) -> None:
    """Run pip and show one line of progress; its own words appear only when it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert process.stdout is not None
    lines: list[str] = []
    seen: set[str] = set()
    for line in process.stdout:
        lines.append(line)
        if not quiet:
            show_progress(line, seen)
    if process.wait():
        tail = "".join(lines[-25:])
        raise SetupError(
            f"{tail}\nThe installation failed; the lines above say why. "
            "Check the network connection and the free disk space, then run this again."
        )
    if not quiet and sys.stdout.isatty():
        print("\r\x1b[K", end="")


def show_progress(line: str, seen: set[str]) -> None:
    """Turn one line of pip's into our progress display."""
    found = re.match(r"\s*(Collecting|Processing|Installing collected packages)[: ]*(\S+)?", line)
    if not found:
        return
    if found[1].startswith("Installing"):
        text = f"Installing {line.count(',') + 1} packages (this takes a while)"
    else:
        name = re.split(r"[=<>!~;\[-]", Path(found[2] or "").name)[0]
        seen.add(name.lower())
        text = f"Fetching {len(seen)}: {name}"
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
    else:
        print(text, flush=True)


def ensure_system_libraries() -> None:
    """Check what Qt needs from a Linux system; install it on Debian as root, else say how."""
    if not sys.platform.startswith("linux"):
        return
    stamp = VENV / "easel-system.stamp"
    if stamp.exists():
        return
    missing = missing_libraries()
    if missing:
        packages = sorted({DEBIAN_PACKAGES.get(name, name) for name in missing})
        may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
        if may_install:
            print(f"Installing {len(packages)} system libraries that Qt needs", flush=True)
            install_debian(packages)
            missing = missing_libraries()
        if missing:
            raise SetupError(
                "Qt needs system libraries that are not installed: "
                + ", ".join(sorted(missing))
                + ".\nInstall them, on Debian or Ubuntu with:\n    sudo apt-get install "
                + " ".join(packages)
            )
    stamp.write_text("ok", "utf-8")


def missing_libraries() -> set[str]:
    """Return the shared libraries that Qt's own files ask for and the system lacks."""
    ldd = shutil.which("ldd")
    folder = next((VENV / "lib").glob("python3*/site-packages/PySide6"), None)
    if ldd is None or folder is None:
        return set()
    wanted = [
        *folder.glob("QtWidgets.*.so"),
        *folder.glob("Qt/plugins/platforms/libqxcb.so"),
        *folder.glob("Qt/plugins/platforms/libqoffscreen.so"),
    ]
    missing: set[str] = set()
    for path in wanted:
        result = subprocess.run([ldd, str(path)], capture_output=True, text=True, check=False)
        missing.update(re.findall(r"^\s*(\S+) => not found", result.stdout, re.MULTILINE))
    return missing


def install_debian(packages: list[str]) -> None:
    """Install Debian packages; the caller checks whether that helped."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"stdout": subprocess.DEVNULL, "check": False, "env": environment}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run([*install, *packages], **quiet)


def run_checks(pytest_arguments: list[str]) -> int:
    """Run lint, types, import contracts and the tests; stop at nothing, fail at the end."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1"}
    bin_folder = PYTHON.parent
    checks: list[tuple[str, list[str]]] = [
        ("lint", [str(bin_folder / "ruff"), "check", "."]),
        ("format", [str(bin_folder / "ruff"), "format", "--check", "-q", "."]),
        ("types", [str(bin_folder / "mypy")]),
        ("imports", [str(bin_folder / "lint-imports")]),
        ("tests", [str(PYTHON), "-m", "pytest", "-q", *pytest_arguments]),
    ]
    failed: list[str] = []
    for name, command in checks:
        print(f"\n{name}: {Path(command[0]).name} {' '.join(command[1:])}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            failed.append(name)
        word = "failed" if code else "passed"
        print(f"{name} {word} after {time.monotonic() - started:.0f} s", flush=True)
    print("\nAll checks passed." if not failed else f"\nFailed: {', '.join(failed)}.", flush=True)
    return 1 if failed else 0


def hand_over(command: list[str]) -> int:
    """Become the program (on Windows: run it and wait)."""
    environment = {**os.environ, "EASEL_LAUNCHED": "1"}
    if IS_WINDOWS:
        return subprocess.run(command, cwd=os.getcwd(), env=environment, check=False).returncode
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
