#!/bin/sh
# Prints which PostgreSQL, Redis and Java the tests find: a new version is a reason to run them again.
ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null
for program in /usr/lib/postgresql/*/bin/postgres "$(command -v postgres)"; do
  [ -x "$program" ] && "$program" --version
done
redis-server --version 2>/dev/null
java --version 2>/dev/null
command -v docker
exit 0
