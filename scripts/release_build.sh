#!/usr/bin/env bash
# Makes the archive of a release for one target: the program, its manual pages and completions, README and licences, with
# its SHA-256; and looks at what the program needs of a system. Usage: scripts/release_build.sh [TARGET [FOLDER]].
# A target such as x86_64-unknown-linux-gnu.2.31 names the least glibc and is built by cargo-zigbuild
# (pip install cargo-zigbuild); others by cargo.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
wanted=${1:-$host}
out=${2:-dist}
target=${wanted%%.[0-9]*}
glibc=
case $wanted in *-gnu.[0-9]*) glibc=${wanted##*-gnu.} ;; esac

built=${CARGO_TARGET_DIR:-target}/$target/release
if [ -n "$glibc" ]; then
    cargo zigbuild --release --locked --target "$wanted"
elif [ "$target" = "$host" ]; then
    cargo build --release --locked
    built=${CARGO_TARGET_DIR:-target}/release
else
    cargo build --release --locked --target "$target"
fi
program=tilefire
case $target in *windows*) program=tilefire.exe ;; esac

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=tilefire-$version-$target
rm -rf "${out:?}/$name"
mkdir -p "$out/$name/man" "$out/$name/completions"
cp "$built/$program" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$out/$name/"

# What only a machine of the target can run.
if "$built/$program" --version >/dev/null 2>&1; then
    "$built/$program" man --output "$out/$name/man"
    for shell in bash zsh fish powershell elvish; do
        "$built/$program" completions "$shell" >"$out/$name/completions/tilefire.$shell"
    done
    scripts/smoke_test.sh "$built/$program"
else
    echo "release: $target does not run here: no manual pages, no completions, no smoke test" >&2
    rmdir "$out/$name/man" "$out/$name/completions"
fi

case $target in
*linux-gnu)
    needed=$(readelf -d "$built/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort)
    newest=$(readelf -V "$built/$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
    echo "needs: $(echo $needed)"
    echo "newest symbols: $newest"
    for library in $needed; do
        case $library in
        libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | ld-linux*) ;;
        *)
            echo "release: $library is not a part of libc" >&2
            exit 1
            ;;
        esac
    done
    if [ -n "$glibc" ] && [ "$(printf '%s\nGLIBC_%s\n' "$newest" "$glibc" | sort -V | tail -1)" != "GLIBC_$glibc" ]; then
        echo "release: $newest is newer than glibc $glibc" >&2
        exit 1
    fi
    ;;
esac

cd "$out"
case $target in
*windows*) archive=$name.zip && rm -f "$archive" && { 7z a -bd "$archive" "$name" >/dev/null || zip -qr "$archive" "$name"; } ;;
*) archive=$name.tar.gz && tar --owner=0 --group=0 --numeric-owner -czf "$archive" "$name" 2>/dev/null || tar -czf "$archive" "$name" ;;
esac
{ sha256sum "$archive" 2>/dev/null || shasum -a 256 "$archive"; } | tee "$archive.sha256"
