#!/bin/sh
# Builds the checker of codes for the browser, fetches the front-end packages by lock file when they are missing or stale and
# bundles them into dist/, where the program embeds them. What is newer than
# everything it is made of stays.
set -eu
cd "$(dirname "$0")"

# The checker of codes for the browser, packed already: packing it takes a second
# at each start otherwise. It is our own Go code and needs no registry.
if [ ! -f dist/gate.wasm.gz ] || [ -n "$(find ../../cmd/gate ../../credential ../../city ../../internal/cborscan ../../go.mod build.sh -newer dist/gate.wasm.gz -name '*.*' -type f ! -name '*_test.go' | head -n 1)" ]; then
	echo "building the checker for the browser" >&2
	mkdir -p dist
	(cd ../.. && CGO_ENABLED=0 GOOS=js GOARCH=wasm go build -trimpath -ldflags "-s -w" -o web/bundle/dist/gate.wasm ./cmd/gate)
	gzip -9 -n -f dist/gate.wasm
	cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" dist/gate-go.js
	chmod u+w dist/gate-go.js
fi
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
