# The usual commands. `just` lists them.

_default:
    @just --list

# Everything that must pass before a change lands
check: fmt clippy test features doc fuzz deny

# The format
fmt:
    cargo fmt --check

# The lints, of each feature set that people build
clippy:
    cargo clippy --all-targets -- -D warnings
    cargo clippy --all-targets --no-default-features -- -D warnings

# All tests; GPU tests on whatever adapter there is
test *ARGS:
    cargo test {{ARGS}}

# The library without features, and with each alone
features:
    scripts/features.sh

# The documentation, without a warning
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# The fuzz targets, built
fuzz:
    cargo build --manifest-path fuzz/Cargo.toml

# Every fuzz target for so many seconds, from a folder of files or from nothing
fuzz-for seconds seeds="-":
    scripts/fuzz.sh {{seconds}} {{seeds}}

# Licences, bans and advisories, where cargo-deny is installed
deny:
    @if command -v cargo-deny >/dev/null; then cargo deny check; else echo "skipped: cargo-deny is not installed"; fi

# Renew the sum that the sample's tiles are compared with, where their bytes are meant to be others
bless:
    cargo build --release
    scripts/smoke_test.sh target/release/tilefire --bless
    git diff assets/sample.sha256

# The table of goals (docs/benchmarks.md)
bench:
    cargo build --release
    scripts/measure.sh

# Render the sample and show it in the browser
demo:
    cargo run --release -- render assets/sample.csv -o target/demo --force
    cargo run --release -- serve target/demo
