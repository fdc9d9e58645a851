#!/bin/sh
# Makes the secrets of docker-compose.yml, one file each in ./secrets of the folder that holds it, and never changes one that is
# there. What the `.env` of a release before says (2026-11 and older had the secrets there) becomes the file of the same secret, so
# that keys stay known and databases open. Run it again at any time; it says what it did, and never a secret.
set -eu
cd "$(dirname "$0")/../.."
umask 077

fail() {
  echo "make-secrets.sh: $1" >&2
  exit 1
}

mkdir -p secrets
chmod 0700 secrets
for file in secrets/*; do
  # A disk that was full, or an editor, has left it: nothing could start with it.
  if [ -f "$file" ] && [ ! -s "$file" ]; then rm -f "$file"; fi
  # An engine makes a folder where a file is missing that it is told to mount.
  if [ -e "$file" ] && [ ! -f "$file" ]; then fail "$file is not a file: move it away, and run this again"; fi
done
if [ -e .env ] && { [ ! -f .env ] || [ ! -r .env ]; }; then
  fail ".env cannot be read by $(id -un): secrets of a release before may stand in it"
fi

# What Compose reads as the value of a variable in .env: spaces may stand around the sign, which may be a colon; quotes around the
# value, a comment behind it, and lines may end as on Windows. Fails for a text that Compose would not leave as it stands.
dotenv() {
  LC_ALL=C awk -v name="$1" '
    NR == 1 { sub(/^\357\273\277/, "") }
    { sub(/\r$/, "") }
    match($0, "^[ \t]*(export[ \t]+)?" name "[ \t]*[=:][ \t]*") { value = substr($0, RLENGTH + 1) }
    END {
      quote = substr(value, 1, 1)
      if (quote == "\"" || quote == "\047") {
        value = substr(value, 2)
        end = index(value, quote)
        if (!end || substr(value, end + 1) !~ /^[ \t]*(#.*)?$/) exit 1
        value = substr(value, 1, end - 1)
        if (value ~ /\\/ || (quote == "\"" && value ~ /\$/)) exit 1
      } else {
        sub(/ #.*/, "", value)
        sub(/[ \t]+$/, "", value)
        if (value ~ /\$/) exit 1
      }
      printf "%s", value
    }
  ' .env
}

# given NAME VARIABLE: its value in the environment, else the last one in .env; empty where neither has it.
given() {
  value=$(printenv "$2" || true)
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(dotenv "$2") || fail ".env writes $2 with \$, backslashes or several lines, of which Compose makes another text. Write \
that text to secrets/$1 yourself: \"docker compose config\" of the release whose .env it is prints it, with \$\$ for each \$"
  fi
  printf %s "$value"
}

# keep NAME VALUE FROM: writes the file at once whole, so that an interrupted run leaves none that is cut off, and none that another
# run has made meanwhile is replaced. The folder is closed to others; the file itself is readable for the users of the containers,
# who are none of this machine.
new="secrets/.new.$$"
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
keep() {
  rm -f "$new"
  printf %s "$2" > "$new"
  chmod 0444 "$new"
  mv -n "$new" "secrets/$1" || true
  if [ -e "$new" ]; then fail "secrets/$1 was made by another run meanwhile: run this again when it has ended"; fi
  echo "secrets/$1: $3"
}

# secret NAME [VARIABLE]: from the variable if it is set, else 24 random bytes.
secret() {
  if [ -s "secrets/$1" ]; then return; fi
  value=""
  if [ -n "${2:-}" ]; then value=$(given "$1" "$2"); fi
  if [ -n "$value" ]; then keep "$1" "$value" "taken from $2"
  else keep "$1" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" "made"; fi
}

# given_secret NAME VARIABLE: only from the variable: nobody can make up what others give.
given_secret() {
  if [ -s "secrets/$1" ]; then return; fi
  value=$(given "$1" "$2")
  if [ -n "$value" ]; then keep "$1" "$value" "taken from $2"; fi
}

secret tollgate_admin_secret TOLLGATE_ADMIN_SECRET
secret tollgate_service_secret TOLLGATE_SERVICE_SECRET
secret tollgate_pepper TOLLGATE_PEPPER
secret database_migration_password TOLLGATE_POSTGRES_PASSWORD
secret database_password_key_management TOLLGATE_KEYS_POSTGRES_PASSWORD
secret database_password_usage_billing TOLLGATE_BILLING_POSTGRES_PASSWORD
secret database_password_secret_scanning TOLLGATE_SCANNING_POSTGRES_PASSWORD
for service in gateway key_management usage_billing; do secret "redis_password_$service"; done
secret kafka_operator_password
for service in gateway key_management usage_billing secret_scanning; do secret "kafka_${service}_password"; done

given_secret openai_api_key OPENAI_API_KEY
# These count only while a variable of the same name, with _FILE behind it, names the file: docs/UPGRADE.md, "Compose".
for name in TOLLGATE_ENCRYPTION_KEY TOLLGATE_ADMIN_SECRET_PREVIOUS TOLLGATE_SERVICE_SECRET_PREVIOUS TOLLGATE_PEPPER_PREVIOUS \
  TOLLGATE_ENCRYPTION_KEY_PREVIOUS INIT_OWNER_PASSWORD; do
  file=$(printf %s "$name" | tr 'A-Z' 'a-z')
  given_secret "$file" "$name"
  if [ -s "secrets/$file" ] && [ -z "$(given "$file" "${name}_FILE" 2>&1)" ]; then
    echo "secrets/$file is not used until .env has the line: ${name}_FILE=./secrets/$file"
  fi
done

# What else is mounted, of a checkout whose umask keeps others out.
for file in config.yaml deploy/docker/haproxy.cfg deploy/docker/no-secret deploy/redis/start-redis.sh; do
  if [ -n "$(find "$file" ! -perm -004 2> /dev/null)" ]; then
    chmod a+r "$file"
    echo "$file: readable for the users of the containers now"
  fi
done

# Those that somebody has written: each program that reads them must read the same.
carriage_return=$(printf '\r')
for file in secrets/*; do
  chmod a+r "$file"
  if grep -q "$carriage_return" "$file"; then
    fail "$file has a line end of Windows, which servers take for a part of the secret: write it without one"
  fi
done
if [ "$(tr -d 'A-Za-z0-9_.~+/=-' < secrets/kafka_operator_password | wc -c)" -ne 0 ]; then
  fail "secrets/kafka_operator_password must be letters, digits and _ . ~ + / = - alone, without a line end: Kafka reads it as it stands"
fi

if [ ! -s secrets/openai_api_key ]; then
  echo "secrets/openai_api_key is missing, which config.yaml names: run this again with OPENAI_API_KEY set, or write the file (mode 0444)"
fi
