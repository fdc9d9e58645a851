#!/bin/sh
# Copies what the apps need at run time from a built checkout, in which it runs, to a new folder: compiled code, manifests,
# the Lua that goes to Redis, the documents of the API, the files of pages, packages. No sources, types or tests.
set -eu
target=$1
mkdir -p "$target"
cp -a package.json config.yaml LICENSE node_modules "$target/"
find apps libs test/github-simulator test/provider-simulator -type f \( \
  -path '*/node_modules/*' -o -name package.json -o -path '*/src/*.lua' -o -path '*/openapi/documents/*.json' -o -path '*/assets/*' -o -path '*/dist/*.js' ! -name '*.spec.js' \
  \) -exec cp -a --parents {} "$target/" \;
