#!/bin/sh
# Prints what the tests find on this machine: another version of a server is a reason to run them again.
ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null
for program in /usr/lib/postgresql/*/bin/postgres "$(command -v postgres)"; do
  [ -x "$program" ] && "$program" --version
done
redis-server --version 2>/dev/null
java --version 2>/dev/null
python3 --version 2>/dev/null
curl --version 2>/dev/null | head -n 1
command -v docker
# Root can mount file systems of its own, and tests more for that.
id -u
exit 0
