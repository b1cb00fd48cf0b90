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

# Made anew in another folder, so that checking changes nothing. The name of the
# template within is left out: it depends on where templ was called.
if [ -n "$(sources '*.templ' | head -n 1)" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  { echo ./go.mod; sources '*.templ'; } | xargs cp --parents -t "$work"
  log=$(tool templ generate -path "$work" 2>&1) || { echo "$log" >&2; exit 1; }
  plain() { sed 's/FileName: `[^`]*`//' "$1"; }
  stale=()
  while read -r f; do
    go=${f%.templ}_templ.go
    [ -e "$go" ] && diff -q <(plain "$go") <(plain "$work/$go") >/dev/null || stale+=("$go")
  done < <(sources '*.templ')
  if [ ${#stale[@]} -gt 0 ]; then
    echo "Not what templ makes of the template today (make generate): ${stale[*]}" >&2; exit 1
  fi
fi

go vet ./...
go vet -C tools ./testsum
tool staticcheck ./...
echo "Formatting, templates, vet and staticcheck: nothing to mend."
