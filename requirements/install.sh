#!/bin/sh
# usage: sh requirements/install.sh PYTHON runtime|dev|openvino|ray|engine|cluster|fuzz, from the project's root
set -eu
python=$1 lock=$2

stop() {
    echo "error: $1" >&2
    exit 1
}

# A venv that has lost its interpreter, or was interrupted before pip was in it, is made anew.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    command -v "$python" >/dev/null 2>&1 ||
        stop "$python was not found: install Python 3.11 or newer (Debian: apt install python3 python3-venv)"
    found=$("$python" -c 'import sys; print(sys.version_info >= (3, 11), "%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        stop "$python does not run: install Python 3.11 or newer (Debian: apt install python3 python3-venv)"
    [ "${found% *}" = True ] ||
        stop "$python is Python ${found#* }: install Python 3.11 or newer, or name one (make setup PYTHON=python3.11)"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "$python cannot make virtual environments: install its venv module (Debian: apt install python3-venv)"
    "$python" -m venv --clear .venv
fi

# -qq: pip's warnings are about pip's configuration, its errors still show.
locked_install() {
    .venv/bin/python -m pip install -qq --no-input --disable-pip-version-check \
        --require-hashes --only-binary :all: "$@"
}

torch_installed() {
    .venv/bin/python -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true
}

beside() {
    echo "installing $1"
    locked_install --no-deps -r "requirements/$lock.lock"
    exit
}

case $lock in
openvino) beside "OpenVINO (60 MB)" ;;
ray) beside "Ray (130 MB)" ;;
engine) beside "the client of Milvus, and Milvus Lite (60 MB)" ;;
cluster) beside "a Milvus server for tests (60 MB)" ;;
fuzz) beside "what makes files by chance (30 MB)" ;;
esac

echo "installing locked dependencies into .venv (a few minutes the first time)"

release=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements/runtime.lock)
case $(torch_installed) in
"$release" | "$release"+*) ;;
*)
    # pip would rank the registry's torch above a CPU build whose hash its index does not state, so the CPU build
    # is asked for by name. Where it is not offered the registry's serves; any other failure stops the setup.
    if ! said=$(locked_install --no-deps -r requirements/cpu.lock 2>&1); then
        case $said in
        *"No matching distribution found"* | *ResolutionImpossible*) ;;
        *)
            echo "$said" >&2
            exit 1
            ;;
        esac
    fi
    ;;
esac

case $(torch_installed) in
*+cpu) locked_install -r "requirements/$lock.lock" ;;
*) locked_install -r "requirements/$lock.lock" -r requirements/cuda.lock ;;
esac

.venv/bin/python -m pip install -qq --no-input --disable-pip-version-check --no-deps --no-build-isolation -e .
