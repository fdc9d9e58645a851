#!/bin/sh
# Options or a file of settings alone are the server's, as in Docker Hub's `redis`.
case ${1:-} in -*|*.conf) set -- redis-server "$@" ;; esac
exec "$@"
