#!/usr/bin/env bash
# Renews the locks: exact versions with hashes, for every Python >= 3.11 and platform, naming no index.
# Versions that still fit are kept; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

compile() { # compile <lock> <its title> <arguments of uv...>
    local lock=$1 title=$2
    shift 2
    ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "$lock" ${UPGRADE:+--upgrade} "$@" >/dev/null
    printf '# %s Written by `make lock`; do not edit.\n%s\n' "$title" "$(<"$lock")" >"$lock.new"
    mv "$lock.new" "$lock"
}

compile lock.txt "Everything: client, server, development." --all-extras ../pyproject.toml
compile server.txt "What the image installs: client and server." --extra server --extra postgres --constraints lock.txt ../pyproject.toml
printf 'hatchling\n' | compile build.txt "What builds the wheel." --constraints lock.txt -
