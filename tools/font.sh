#!/usr/bin/env bash
# Puts the Chinese font of PDF pages beside the bundle. Never fails: without the
# font pages still print and the PDF address says why.
set -uo pipefail
cd "$(dirname "$0")/.."
name=DroidSansFallbackFull.ttf
to=web/bundle/dist/fonts/$name
[ -s "$to" ] && exit 0

from=/usr/share/fonts/truetype/droid/$name
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ ! -e "$from" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  (cd "$work" && apt-get download -q fonts-droid-fallback >log 2>&1 && dpkg-deb -x fonts-droid-fallback_*.deb .)
  from=$work$from
fi
if [ -e "$from" ] && mkdir -p "${to%/*}" && cp "$from" "$to.part" && mv "$to.part" "$to"; then
  exit 0
fi
echo "The font for PDF pages (Debian's fonts-droid-fallback) could not be fetched; licences still print from the browser." >&2
exit 0
