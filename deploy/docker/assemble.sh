#!/bin/sh
# Copies what the apps run from a built checkout, in which it runs, to the folder `apps` of a new one: compiled code, the Lua that
# goes to Redis, the documents of the API, the files of pages, the tables of prices. What only the demo needs goes to its folder
# `demo`. No sources, source maps, types or tests; manifests and packages come from packages.sh. SOURCE_DATE_EPOCH, if it is set, is
# the date of all.
set -eu
target=$1
apps="$target/apps"
demo="$target/demo"
mkdir -p "$apps" "$demo"
cp -a config.yaml LICENSE "$apps/"
cp -a --parents deploy/docker/health.sh "$apps/"
copy() {
  into=$1
  shift
  find "$@" -type f ! -path '*/node_modules/*' \( \
    -path '*/src/*.lua' -o -path '*/openapi/documents/*.json' -o -path '*/assets/*' -o -path '*/data/*.json' \
    -o -path '*/dist/*.js' ! -name '*.spec.js' ! -name '*.test.js' ! -path '*/testing/*' \) -print0 \
    | tar --create --null --files-from=- | tar --extract --directory "$into"
}
copy "$apps" apps libs
copy "$demo" test/demo test/github-simulator test/provider-simulator
# Whatever the umask of the checkout was, 10001 reads everything, and the layer is the same.
chmod -R u=rwX,go=rX "$target"
find "$target" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-499162500}" {} +
