#!/usr/bin/env bash
# npm-ci.sh DIR: brings the npm packages of DIR to what its lockfile says; does
# nothing when they are already there.
set -euo pipefail
cd "$1"
stamp=node_modules/.lock-sum
sum=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then exit 0; fi
if ! command -v npm >/dev/null; then
  echo "npm is missing, so the packages of $1 were not fetched." >&2
  exit 1
fi
echo "Fetching the packages of $1 …"
npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
echo "$sum" >"$stamp"
