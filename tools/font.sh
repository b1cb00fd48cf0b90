#!/usr/bin/env bash
# Puts the fonts of PDF pages beside the bundle: a Chinese one and, since that has
# no Latin letters and digits, a Latin one. Never fails: without them pages still
# print and the PDF address says why.
set -uo pipefail
cd "$(dirname "$0")/.."
to=web/bundle/dist/fonts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch PACKAGE FILE: from this machine, or else out of Debian's package.
fetch() {
  local package=$1 from=/usr/share/fonts/truetype/$2 name=${2##*/}
  [ -s "$to/$name" ] && return
  if [ ! -e "$from" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    (cd "$work" && apt-get download -q "$package" >log 2>&1 && dpkg-deb -x "$package"_*.deb .)
    from=$work$from
  fi
  if [ -e "$from" ] && mkdir -p "$to" && cp "$from" "$to/$name.part" && mv "$to/$name.part" "$to/$name"; then
    return
  fi
  echo "A font for PDF pages (Debian's $package) could not be fetched; licences still print from the browser." >&2
}

fetch fonts-droid-fallback droid/DroidSansFallbackFull.ttf
fetch fonts-liberation liberation/LiberationSans-Regular.ttf
exit 0
