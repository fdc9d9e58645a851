#!/bin/sh
# Makes the secrets of docker-compose.yml, one file each in ./secrets of the folder that holds it, and never changes one that is
# there. What the `.env` of a release before says (2026-11 and older had the secrets there) becomes the file of the same secret, so
# that keys stay known and databases open. Run it again at any time; it says what it did, and never a secret.
set -eu
cd "$(dirname "$0")/../.."
umask 077
mkdir -p secrets
chmod 0700 secrets

# The value of a variable in the environment, else in .env; empty where neither has it.
given() {
  value=$(printenv "$1" || true)
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1=//p" .env | tail -n 1 | tr -d '\r' | sed "s/^\"\(.*\)\"$/\1/; s/^'\(.*\)'$/\1/")
  fi
  printf %s "$value"
}

# keep NAME VALUE FROM: writes the file at once whole, so that an interrupted run leaves none that is cut off. The folder is closed
# to others; the file itself is readable for the users of the containers, who are none of this machine.
keep() {
  printf %s "$2" > "secrets/.$1.new"
  chmod 0444 "secrets/.$1.new"
  mv "secrets/.$1.new" "secrets/$1"
  echo "secrets/$1: $3"
}

# secret NAME [VARIABLE]: from the variable if it is set, else 24 random bytes.
secret() {
  if [ -s "secrets/$1" ]; then return; fi
  value=""
  if [ -n "${2:-}" ]; then value=$(given "$2"); fi
  if [ -n "$value" ]; then keep "$1" "$value" "taken from $2"
  else keep "$1" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" "made"; fi
}

# given_secret NAME VARIABLE: only from the variable: nobody can make up what others give.
given_secret() {
  if [ -s "secrets/$1" ]; then return; fi
  value=$(given "$2")
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
  if [ -s "secrets/$file" ] && [ -z "$(given "${name}_FILE")" ]; then
    echo "secrets/$file is not used until .env has the line: ${name}_FILE=./secrets/$file"
  fi
done

if [ ! -s secrets/openai_api_key ]; then
  echo "secrets/openai_api_key is missing, which config.yaml names: run this again with OPENAI_API_KEY set, or write the file (mode 0444)"
fi
