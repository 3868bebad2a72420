"""Write the lock files: `make lock` keeps every pin that still fits, `make lock UPGRADE=1` takes the newest.

pyproject.toml + lock.in -> runtime.lock, dev.lock   every file of every release, by hash, any platform
                         -> cuda.lock                what the registry's Linux build of torch adds
                         -> cpu.lock                 the CPU build of torch, where pip is offered one
openvino.in              -> openvino.lock            another way to run models, without dependencies
engine.in                -> engine.lock              the client of Milvus, Milvus Lite, what they need
cluster.in               -> cluster.lock             a Milvus server and a broker for tests
fuzz.in                  -> fuzz.lock                what `make fuzz` needs besides
pyproject.toml           -> ray.lock                 what building on a cluster needs besides

No file names a registry: where packages come from is pip's configuration, what they contain is the hash.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
PROJECT = ["pyproject.toml", "requirements/lock.in"]
CUDA = re.compile(r"(nvidia|cuda|triton)\b")
TORCH = re.compile(r"^torch==(\S+)", re.MULTILINE)
CPU_WHEEL = re.compile(r"torch-.+\+cpu-cp3(\d+)-cp3\d+-manylinux_\d+_\d+_(x86_64|aarch64)\.whl")

WRITTEN = "# Written by `make lock`; edit pyproject.toml or lock.in instead.\n"
HEADERS = {
    "runtime": "# What Pullquote needs to run; on Linux, torch's registry build needs cuda.lock as well.\n",
    "dev": "# runtime.lock, and what the tests and checks need.\n",
    "cuda": "# What the registry's Linux build of torch adds; the CPU build in cpu.lock needs none of it.\n",
    "openvino": "# Another way to run models, beside runtime.lock.\n",
    "engine": "# The client of Milvus and Milvus Lite, beside runtime.lock.\n",
    "cluster": "# A Milvus server and a broker for tests, beside engine.lock; its wheels are for Linux.\n",
    "fuzz": "# What `make fuzz` needs, beside dev.lock.\n",
    "ray": "# What building on a cluster needs, beside runtime.lock.\n",
    "cpu": "# The CPU build of torch, a tenth of the download: tried first, where pip is offered it.\n",
}


def compile_lock(wanted: list[str], lock: Path, *options: str) -> list[str]:
    """Resolve into `lock`, keeping the pins already there; return its entries, one package each."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *wanted]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-config"]
    subprocess.run([*command, "--quiet", "--output-file", str(lock), *options], cwd=HERE.parent, check=True)
    return re.split(r"\n(?=\S)", lock.read_text().strip())


def cpu_entries(release: str, folder: Path) -> list[str]:
    """The CPU builds of this torch release known so far, and the one that pip finds for this interpreter."""
    known = {line for line in read("cpu").splitlines() if line.startswith(f"torch=={release}+cpu ")}
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), f"torch=={release}+cpu"]
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
        print("cpu.lock: pip is offered no CPU build of torch; what was known of this release stays")
    for wheel in folder.glob("*.whl"):
        known.add(cpu_entry(release, wheel))
    return sorted(known)


def cpu_entry(release: str, wheel: Path) -> str:
    """The pin of one CPU build, for the one platform that its file name tells."""
    name = CPU_WHEEL.fullmatch(wheel.name)
    if not name:
        sys.exit(f"cpu.lock: {wheel.name} is not a Linux wheel of CPython: pin it by hand in cpu.lock")
    python, machine = name.groups()
    marker = f"python_version == '3.{python}' and sys_platform == 'linux' and platform_machine == '{machine}'"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"torch=={release}+cpu ; {marker} --hash=sha256:{digest}"


def with_cpu_hashes(entries: list[str], cpu: list[str]) -> list[str]:
    """Let torch's own pin accept the CPU builds too: 2.13.0+cpu satisfies ==2.13.0, so must its hash."""
    added = {entry.partition("--hash=")[2] for entry in cpu}
    return [add_hashes(entry, added) if entry.startswith("torch==") else entry for entry in entries]


def add_hashes(entry: str, added: set[str]) -> str:
    """The entry with more hashes, in order: those of the last run may be among its own already."""
    pin, _, origin = entry.partition("    # via")
    name, *hashes = re.split(r" \\\n +--hash=", pin.rstrip())
    return " \\\n    --hash=".join([name, *sorted({*hashes, *added})]) + "\n    # via" + origin


def read(name: str) -> str:
    """The lock file as it is, or nothing where there is none yet."""
    lock = HERE / f"{name}.lock"
    return lock.read_text() if lock.exists() else ""


def write(name: str, entries: list[str]) -> None:
    """Replace a lock file."""
    (HERE / f"{name}.lock").write_text(HEADERS[name] + WRITTEN + "\n".join(entries) + "\n")


def beside(entries: list[str], others: list[str]) -> list[str]:
    """The entries of packages that others have none of."""
    had = {entry.partition("==")[0] for entry in others}
    return [entry for entry in entries if entry.partition("==")[0] not in had]


def main() -> None:
    """Resolve the larger set first: runtime.lock takes its pins from it, and the two never differ."""
    upgrade = sys.argv[1:2] == ["--upgrade"]
    with TemporaryDirectory() as folder:
        dev_lock, runtime_lock = Path(folder, "dev.txt"), Path(folder, "runtime.txt")
        dev_lock.write_text("" if upgrade else read("dev") + read("cuda"))
        dev = compile_lock(PROJECT, dev_lock, "--extra", "dev")
        shutil.copy(dev_lock, runtime_lock)
        runtime = compile_lock(PROJECT, runtime_lock)
        openvino_lock = Path(folder, "openvino.txt")
        openvino_lock.write_text("" if upgrade else read("openvino"))
        openvino = compile_lock(["requirements/openvino.in"], openvino_lock, "--no-deps")
        alone = {}
        for name in ("fuzz", "engine", "cluster"):
            lock = Path(folder, f"{name}.txt")
            lock.write_text("" if upgrade else read(name))
            alone[name] = compile_lock([f"requirements/{name}.in"], lock, "--no-deps")
        ray_lock = Path(folder, "ray.txt")
        known = [] if upgrade else beside(re.split(r"\n(?=\S)", read("ray").strip()), dev)
        ray_lock.write_text("\n".join([dev_lock.read_text(), *known]))
        ray = beside(compile_lock(PROJECT, ray_lock, "--extra", "ray"), runtime)
        torch = TORCH.search(runtime_lock.read_text())
        assert torch, "lock.in pins torch"
        cpu = cpu_entries(torch[1], Path(folder))
    write("cpu", cpu)
    write("cuda", [entry for entry in runtime if CUDA.match(entry)])
    write("openvino", openvino)
    write("ray", ray)
    for name, entries in alone.items():
        write(name, entries)
    for name, entries in (("runtime", runtime), ("dev", dev)):
        write(name, with_cpu_hashes([entry for entry in entries if not CUDA.match(entry)], cpu))


if __name__ == "__main__":
    main()
