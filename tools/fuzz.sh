#!/usr/bin/env bash
# fuzz.sh [PACKAGE …]: runs each fuzz target of the house in turn for $TIME (1h).
# What it learns is kept: of each target's new inputs the smallest, at most $KEEP (50)
# files of at most $MOST (4096) bytes, go to the package's testdata/fuzz, where every
# ordinary run of the tests tries them. It stops at the first failure and names the file
# that shows it.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
time=${TIME:-1h} keep=${KEEP:-50} most=${MOST:-4096}
module=$(go list -m)
cache=$(go env GOCACHE)/fuzz

if [ $# -gt 0 ]; then dirs=("$@"); else
  mapfile -t dirs < <(grep -rl --include='*_test.go' --exclude-dir=node_modules --exclude-dir=.work '^func Fuzz' . | xargs -n1 dirname | sort -u)
fi
for dir in "${dirs[@]}"; do
  mapfile -t targets < <(grep -hoP '^func \KFuzz\w+' "$dir"/*_test.go | sort -u)
  for target in "${targets[@]}"; do
    echo "$dir $target, $time"
    log=$(mktemp)
    if ! go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" >"$log" 2>&1; then
      tail -n 40 "$log" >&2
      shown=$(grep -oP 'testdata/fuzz/\S+' "$log" | head -n 1 || true)
      echo "$dir $target failed${shown:+; the input that shows it is $dir/$shown}" >&2
      rm -f "$log"
      exit 1
    fi
    tail -n 2 "$log"
    rm -f "$log"
    found=$cache/$module/${dir#./}/$target
    [ -d "$found" ] || continue
    kept=$dir/testdata/fuzz/$target
    have=$(find "$kept" -type f 2>/dev/null | wc -l)
    while read -r _ file; do
      [ "$have" -lt "$keep" ] || break
      [ -e "$kept/$(basename "$file")" ] && continue
      mkdir -p "$kept"
      cp "$file" "$kept/"
      have=$((have + 1))
    done < <(find "$found" -type f -size -$((most + 1))c -printf '%s %p\n' | sort -n)
  done
done
echo "Every target ran for $time, and nothing failed."
