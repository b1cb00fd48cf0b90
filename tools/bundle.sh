#!/usr/bin/env bash
# Fetches the front-end packages by lockfile and bundles them into
# web/bundle/dist, when the bundle is missing or older than its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -e web/bundle/package.json ] || exit 0
tools/npm-ci.sh web/bundle
if [ -x web/bundle/build.sh ]; then web/bundle/build.sh; fi
