#!/bin/sh
# Fetches the front-end packages by lock file when they are missing or stale and
# bundles them into dist/, where the program embeds them. Does nothing when the
# bundle is newer than everything it is made of.
set -eu
cd "$(dirname "$0")"
if [ -f dist/echarts.js ] && [ -z "$(find package-lock.json htmx.js maplibre.js echarts.js build.sh -newer dist/echarts.js)" ]; then
	exit 0
fi
echo "bundling front-end packages" >&2
npm ci --ignore-scripts --no-audit --no-fund --silent
cd ../..
bundle() {
	from=$1 to=$2 format=$3
	go tool -modfile=tools/go.mod esbuild "web/bundle/$from" --bundle --minify --target=es2022 --format="$format" \
		--legal-comments=none --log-level=warning --outfile="web/bundle/dist/$to"
}
bundle htmx.js htmx.js iife
bundle maplibre.js maplibre.js esm
bundle node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs maplibre-worker.js esm
cp web/bundle/node_modules/maplibre-gl/dist/maplibre-gl.css web/bundle/dist/maplibre.css
bundle echarts.js echarts.js esm
