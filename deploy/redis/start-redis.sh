#!/bin/sh
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
secrets=${REDIS_SECRETS_FOLDER:-/run/secrets}
users=${REDIS_USERS_FOLDER:-/run/redis}/users.acl

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
  echo "user $1 on #${hash%% *} $4"
}

all_users() {
  user default redis_password_default off 'resetkeys resetchannels -@all +info +client|setname +ping +select +time (~tollgate:{*}:admission:* +eval +evalsha +hmget +hget +hset +hdel) (%R~tollgate:key:* %R~tollgate:organization:v1:* +hmget) (%R~tollgate:{key-changes}:stream +xread +xrevrange) (~tollgate:gateways +eval +evalsha +hset +hlen) (~tollgate:waiting:* +smembers +srem) (~tollgate:refusing +eval +evalsha +hset) (~tollgate:{*}:shipped:* +eval +evalsha +hset +expire) (~tollgate:key:* ~tollgate:organization:v1:* +eval +evalsha +hmget +hset) (~tollgate:{key-changes}:* +eval +evalsha +xadd +incr +get +set +exists +pexpire +del) (~tollgate:{*}:admission:* +eval +evalsha +hmget +hget +hgetall +hset +hdel +hscan) (%R~tollgate:{*}:shipped:* +hgetall) (~tollgate:gateways +hgetall +hdel) (~tollgate:waiting:* +eval +evalsha +sadd +del) (~tollgate:refusing +eval +evalsha +hgetall +hget +hdel) (+scan) (+multi +exec) (~tollgate:waiting:* +sadd)'
  user gateway redis_password_gateway needed 'resetkeys resetchannels -@all +info +client|setname +ping +select +time (~tollgate:{*}:admission:* +eval +evalsha +hmget +hget +hset +hdel) (%R~tollgate:key:* %R~tollgate:organization:v1:* +hmget) (%R~tollgate:{key-changes}:stream +xread +xrevrange) (~tollgate:gateways +eval +evalsha +hset +hlen) (~tollgate:waiting:* +smembers +srem) (~tollgate:refusing +eval +evalsha +hset) (~tollgate:{*}:shipped:* +eval +evalsha +hset +expire)'
  user key-management redis_password_key_management needed 'resetkeys resetchannels -@all +info +client|setname +ping +select +time (~tollgate:key:* ~tollgate:organization:v1:* +eval +evalsha +hmget +hset) (~tollgate:{key-changes}:* +eval +evalsha +xadd +incr +get +set +exists +pexpire +del)'
  user usage-billing redis_password_usage_billing needed 'resetkeys resetchannels -@all +info +client|setname +ping +select +time (~tollgate:{*}:admission:* +eval +evalsha +hmget +hget +hgetall +hset +hdel +hscan) (%R~tollgate:{*}:shipped:* +hgetall) (~tollgate:gateways +hgetall +hdel) (~tollgate:waiting:* +eval +evalsha +sadd +del) (~tollgate:refusing +eval +evalsha +hgetall +hget +hdel) (+scan)'
  user tollgate redis_password_tollgate optional 'resetkeys resetchannels ~* &* +@all'
}

written=$(all_users)
[ -d "${users%/*}" ] || fail "the folder ${users%/*} is missing: the file of users is written there"
printf '%s\n' "$written" > "$users.new"
mv "$users.new" "$users"
[ "${1:-}" != --only-users ] || exit 0

# Nothing in Redis must survive a restart, and nothing may be evicted: the services fill an empty Redis again.
exec redis-server --aclfile "$users" --save "" --appendonly no --maxmemory-policy noeviction "$@"
