#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Tests that still lack
# something skip with a sentence, unless YIWANG_REQUIRE_… says that they must not.
set -euo pipefail

missing=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql-15)
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || missing+=(fonts-noto-cjk)
[ -e /usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf ] || missing+=(fonts-droid-fallback)
command -v npm >/dev/null || missing+=(npm)
command -v openssl >/dev/null || missing+=(openssl)
command -v pdftoppm >/dev/null || missing+=(poppler-utils)
command -v ssh-agent >/dev/null || missing+=(openssh-client)
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" != 0 ]; then sudo=(sudo -n); fi
if command -v apt-get >/dev/null && { [ ${#sudo[@]} = 0 ] || sudo -n true 2>/dev/null; }; then
  echo "Installing ${missing[*]} for the tests …"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if "${sudo[@]}" apt-get update -q >"$log" 2>&1 &&
     "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    exit 0
  fi
  tail -n 5 "$log" >&2
  echo "Could not install ${missing[*]}; tests that need them are skipped or fail." >&2
  exit 0
fi
echo "The tests also use ${missing[*]} (names of Debian packages), which this machine lacks and this user may not install. Tests that need them are skipped." >&2
