# shellcheck shell=bash
# Shared by the scripts in this folder: sourced, never run.

set -euo pipefail

# The checkout; every script works from there, wherever it was called.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What is expensive to make lies outside the checkout, so that a fresh clone finds RocksDB built.
export INTERHUB_CACHE="${INTERHUB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interhub}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$INTERHUB_CACHE/target}"

# The toolchain that rust-toolchain.toml pins.
# shellcheck disable=SC2034  # for the scripts that source this
rust_wanted=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)

say() { printf '%s\n' "$*" >&2; }

# Ends the script with one line that says what to do next.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The value of one text field of a JSON document on standard input; nothing if it is not there.
json_text() {
    tr -d '\n' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'
}
