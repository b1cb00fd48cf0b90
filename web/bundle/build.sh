#!/bin/sh
# Fetches the front-end packages by lock file when they are missing or stale and
# bundles them into dist/, where the program embeds them. Does nothing when the
# bundle is newer than everything it is made of.
set -eu
cd "$(dirname "$0")"
if [ -f dist/htmx.js ] && [ -z "$(find package-lock.json htmx.js build.sh -newer dist/htmx.js)" ]; then
	exit 0
fi
echo "bundling front-end packages" >&2
npm ci --ignore-scripts --no-audit --no-fund --silent
cd ../..
go tool -modfile=tools/go.mod esbuild web/bundle/htmx.js --bundle --minify --target=es2022 --format=iife \
	--legal-comments=none --log-level=warning --outfile=web/bundle/dist/htmx.js
