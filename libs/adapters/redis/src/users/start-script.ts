import { REDIS_SERVICES, redisRules, type RedisUserName } from './acl.js';

/** The name of the file that holds the password of a user, in the folder of secrets. */
function passwordFile(user: RedisUserName): string {
  return `redis_password_${user.replaceAll('-', '_')}`;
}

/**
 * A shell script that starts a Redis of ours with these users: `deploy/redis/start-redis.sh`. The image of Redis has no
 * Node.js, so the script has the rules in it and takes the SHA-256 of the passwords itself. It passes no password in an
 * argument or a variable of the environment: `printf` is a command of the shell itself.
 */
export function redisStartScript(): string {
  const line = (user: RedisUserName, otherwise: string): string =>
    `  user ${user} ${passwordFile(user)} ${otherwise} '${redisRules(user)}'`;
  return `#!/bin/sh
# Starts Redis with a user for each service. This file is made from the table of rights in libs/adapters/redis/src/users:
# change that, then run: npx vitest run libs/adapters/redis --project unit --update
#
#   start-redis.sh [settings of redis-server …]   writes the file of users, then starts Redis with it
#   start-redis.sh --only-users                   writes the file of users; ACL LOAD makes a running Redis read it
#
# The password of each service is a file in REDIS_SECRETS_FOLDER. Two more may be there: the one of tollgate, an operator
# who may do everything, and the one of default, by which the release before logs in: without it default is off.
set -eu
umask 077
secrets=\${REDIS_SECRETS_FOLDER:-/run/secrets}
users=\${REDIS_USERS_FOLDER:-/run/redis}/users.acl

fail() {
  echo "start-redis.sh: $1" >&2
  exit 1
}

# user NAME FILE needed|optional|off RULES: prints the line of a user, with the SHA-256 of its password.
user() {
  file=$secrets/$2
  if [ ! -e "$file" ]; then
    case $3 in
      needed) fail "$file is missing: it holds the password of the Redis user $1" ;;
      off) echo "user $1 off resetkeys resetchannels -@all" ;;
    esac
    return
  fi
  [ -f "$file" ] && [ -r "$file" ] || fail "$file cannot be read by this user: $(id -u) needs the right to, and a file"
  # A new line at the end is no part of a password.
  password=$(cat "$file")
  [ -n "$password" ] || fail "$file is empty: it holds the password of the Redis user $1"
  hash=$(printf %s "$password" | sha256sum)
  echo "user $1 on #\${hash%% *} $4"
}

all_users() {
${[
  line('default', 'off'),
  ...REDIS_SERVICES.map((service) => line(service, 'needed')),
  line('tollgate', 'optional'),
].join('\n')}
}

written=$(all_users)
[ -d "\${users%/*}" ] || fail "the folder \${users%/*} is missing: the file of users is written there"
printf '%s\\n' "$written" > "$users.new"
mv "$users.new" "$users"
[ "\${1:-}" != --only-users ] || exit 0

# Nothing in Redis must survive a restart, and nothing may be evicted: the services fill an empty Redis again.
exec redis-server --aclfile "$users" --save "" --appendonly no --maxmemory-policy noeviction "$@"
`;
}
