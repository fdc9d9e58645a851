#!/bin/sh
# Makes of an installed folder, in which it runs, what the image has of it: the packages and manifests of the apps, and what is in
# them as a CycloneDX list. What only the demo needs goes to the folder that is named. Files that nothing reads at run time are
# removed, licences never. All get one date, so the same lock gives the same layer.
set -eu
demo=$1

npm sbom --package-lock-only --omit dev --omit optional --sbom-format cyclonedx --sbom-type application \
  --workspace apps/gateway --workspace apps/key-management --workspace apps/usage-billing --workspace apps/secret-scanning \
  --workspace apps/standalone > sbom.npm.json
# Without its random number, its moment and the folder's name, the list is the same for the same lock. npm lists the simulators,
# which the image that is released does not have.
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const list = JSON.parse(readFileSync("sbom.npm.json", "utf8"));
  const isHere = (ref) => !/^@tollgate\/\w+-simulator@/.test(ref);
  delete list.serialNumber;
  delete list.metadata.timestamp;
  list.metadata.component.name = "tollgate";
  list.components = list.components.filter((each) => isHere(each["bom-ref"]));
  list.dependencies = list.dependencies
    .filter(({ ref }) => isHere(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isHere) }));
  writeFileSync("sbom.cdx.json", JSON.stringify(list));
'
rm sbom.npm.json package-lock.json

mkdir -p "$demo/node_modules/@tollgate"
for package in demo github-simulator provider-simulator; do
  mkdir -p "$demo/test"
  mv "test/$package" "$demo/test/"
  mv "node_modules/@tollgate/$package" "$demo/node_modules/@tollgate/"
done
rm -rf test node_modules/.package-lock.json node_modules/.bin

find . "$demo" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.tsbuildinfo' -o -name '*.flow' \) -delete
find . "$demo" -path '*/node_modules/*' -type f -iname '*.md' ! -iname '*licen[cs]e*' ! -iname '*notice*' ! -iname '*copying*' -delete
# The same programs once more, for browsers and bundlers.
rm -rf node_modules/gpt-tokenizer/cjs node_modules/gpt-tokenizer/data node_modules/gpt-tokenizer/src node_modules/typeorm/browser \
  node_modules/rxjs/src node_modules/rxjs/dist/bundles node_modules/rxjs/dist/esm node_modules/rxjs/dist/esm5
# npm gives each workspace a copy of a package of which a test wants another version at the top. Here nobody does: one for all.
find apps libs "$demo/test" -type d -name node_modules -prune | while read -r folder; do
  for package in "$folder"/*; do
    name=${package##*/}
    if [ ! -e "node_modules/$name" ]; then mv "$package" node_modules/
    elif cmp -s "$package/package.json" "node_modules/$name/package.json"; then rm -r "$package"
    fi
  done
done
# Links to packages that are not here: the workspaces of tests.
find . -type l ! -exec test -e {} \; -delete
find . "$demo" -type d -empty -delete
# The manifests have the modes of the checkout, whose umask may keep them from 10001.
chmod -R u=rwX,go=rX . "$demo"
# The date that npm gives the files of its packages.
find . "$demo" -exec touch --no-dereference --date=@499162500 {} +
