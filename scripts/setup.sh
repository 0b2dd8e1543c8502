#!/usr/bin/env bash
# Installs what a bare Debian or Ubuntu lacks to build and test tilefire: cmake, a C++ compiler and SQLite for the
# bundled PROJ, and a software Vulkan driver (lavapipe) for the GPU tests. Does nothing where nothing is missing.
set -euo pipefail

packages=()
need() { # need COMMAND PACKAGE...
    command -v "$1" >/dev/null 2>&1 || packages+=("${@:2}")
}
need cc gcc libc6-dev
need c++ g++
need cmake cmake
need make make
need pkg-config pkg-config
need sqlite3 sqlite3
[ -e /usr/include/sqlite3.h ] || packages+=(libsqlite3-dev)
compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' >/dev/null || packages+=(mesa-vulkan-drivers)
{ ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q 'libvulkan\.so\.1' || packages+=(libvulkan1)

if ! command -v cargo >/dev/null 2>&1 && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
    echo "setup: Rust is missing; install it first (https://rustup.rs)" >&2
    exit 1
fi
if [ ${#packages[@]} -eq 0 ]; then
    echo "setup: nothing is missing"
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this script knows apt only; please install what stands for: ${packages[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "setup: run as root, or install sudo, to install: ${packages[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "setup: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}"
