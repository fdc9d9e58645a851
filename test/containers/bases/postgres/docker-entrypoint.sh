#!/usr/bin/env bash
# What the documentation of Docker Hub's `postgres` says of its variables, for a process that runs as 999 from the start.
set -euo pipefail

# The value of NAME, or what the file holds that NAME_FILE names.
setting() {
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}

if [ "${1:-}" != postgres ]; then exec "$@"; fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=$(setting POSTGRES_USER); user=${user:-postgres}
  password=$(setting POSTGRES_PASSWORD)
  database=$(setting POSTGRES_DB); database=${database:-$user}
  [ -n "$password" ] || { echo 'POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set' >&2; exit 1; }
  # shellcheck disable=SC2086 — several options in one variable
  initdb --username="$user" --pwfile=<(printf '%s\n' "$password") ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  # Only the socket answers until everything is made.
  pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait start
  sql() { psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$user" "$@"; }
  [ "$database" = postgres ] || sql --dbname postgres --command "create database \"$database\""
  export POSTGRES_USER="$user" POSTGRES_DB="$database"
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) sql --dbname "$database" --file "$file" ;;
    esac
  done
  pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
fi
exec "$@"
