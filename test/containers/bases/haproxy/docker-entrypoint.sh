#!/bin/sh
# Master and worker, as in Docker Hub's `haproxy`, where the first word is the program or an option.
case ${1:-} in -*) set -- haproxy "$@" ;; esac
if [ "${1:-}" = haproxy ]; then shift; set -- haproxy -W -db "$@"; fi
exec "$@"
