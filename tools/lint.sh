#!/usr/bin/env bash
# Checks of the sources that need no test: formatting, vet, staticcheck, and that
# the committed templates' Go is what templ makes of them today.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
tool() { go tool -modfile=tools/go.mod "$@"; }
sources() { find . \( -name node_modules -o -name .work -o -name .git \) -prune -o -name "$1" -print; }

bad=$(sources '*.go' | grep -v '_templ\.go$' | xargs -r gofmt -l)
if [ -n "$bad" ]; then
  echo "gofmt would change:" >&2; echo "$bad" >&2; exit 1
fi

if [ -n "$(sources '*.templ' | head -n 1)" ]; then
  before=$(sources '*_templ.go' | sort | xargs -r sha256sum)
  log=$(tool templ generate 2>&1) || { echo "$log" >&2; exit 1; }
  after=$(sources '*_templ.go' | sort | xargs -r sha256sum)
  if [ "$before" != "$after" ]; then
    echo "Templates and their Go differed; these were made anew and should be committed:" >&2
    diff <(echo "$before") <(echo "$after") | sed -n 's/^> [0-9a-f]*  /  /p' >&2
    exit 1
  fi
fi

go vet ./...
go vet -C tools ./testsum
tool staticcheck ./...
echo "Formatting, templates, vet and staticcheck: nothing to mend."
