#!/bin/sh
# Installs the vendors' own libraries into target/peers, pinned, for the
# differential tests (tests/any_vendor). Needs Node 20 with npm, and Python 3 with pip.
set -eu
cd "$(dirname "$0")/.."
pins=tests/any_vendor/differential
peers=target/peers

rm -rf "$peers"
mkdir -p "$peers/node"
cp "$pins/package.json" "$pins/package-lock.json" "$peers/node/"
(cd "$peers/node" && npm ci --ignore-scripts --no-audit --no-fund --silent)
python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --target "$peers/python" --requirement "$pins/requirements.txt"
echo "peers installed in $peers"
