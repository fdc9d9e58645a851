/** Keys by pattern, and the commands that a user may run on them. */
export interface RedisGrant {
  /** Patterns of keys; none for commands without keys. */
  readonly keys: readonly string[];
  /**
   * Commands in lower case. A script can do no more than the other commands of its user on the keys that these name,
   * since Redis checks each command inside of it; but `eval` makes Redis ask for the right to write its keys. So who
   * may only read a key has no `eval` on it.
   */
  readonly commands: readonly string[];
  /** Whether Redis refuses every write to these keys, also by a command that is not foreseen here. */
  readonly readOnly?: boolean;
}

/** A service that logs in to Redis by its own name. */
export type RedisService = 'gateway' | 'key-management' | 'usage-billing';

const SCRIPT = ['eval', 'evalsha'] as const;

/** What every service may do: find out which run of the server answers, and give its connection a name. */
export const COMMON_COMMANDS: readonly string[] = ['info', 'client|setname', 'ping', 'select', 'time'];

/**
 * What each service may do in Redis. The rules of its user are made from this table, and the test bed runs with them: a
 * command that is missing here is missing in the tests too. secret-scanning does not use Redis.
 */
export const REDIS_RIGHTS: Readonly<Record<RedisService, readonly RedisGrant[]>> = {
  gateway: [
    // Admission: the state of an organisation.
    { keys: ['tollgate:{*}:admission:*'], commands: [...SCRIPT, 'hmget', 'hget', 'hset', 'hdel'] },
    { keys: ['tollgate:key:*', 'tollgate:organization:v1:*'], commands: ['hmget'], readOnly: true },
    { keys: ['tollgate:{key-changes}:stream'], commands: ['xread', 'xrevrange'], readOnly: true },
    // Its lease, the epochs that wait for it, what it tells of refusals and of limits.
    { keys: ['tollgate:gateways'], commands: [...SCRIPT, 'hset', 'hlen'] },
    { keys: ['tollgate:waiting:*'], commands: ['smembers', 'srem'] },
    { keys: ['tollgate:refusing'], commands: [...SCRIPT, 'hset'] },
    { keys: ['tollgate:{*}:shipped:*'], commands: [...SCRIPT, 'hset', 'expire'] },
  ],
  'key-management': [
    { keys: ['tollgate:key:*', 'tollgate:organization:v1:*'], commands: [...SCRIPT, 'hmget', 'hset'] },
    {
      keys: ['tollgate:{key-changes}:*'],
      commands: [...SCRIPT, 'xadd', 'incr', 'get', 'set', 'exists', 'pexpire', 'del'],
    },
  ],
  'usage-billing': [
    {
      keys: ['tollgate:{*}:admission:*'],
      commands: [...SCRIPT, 'hmget', 'hget', 'hgetall', 'hset', 'hdel', 'hscan'],
    },
    { keys: ['tollgate:{*}:shipped:*'], commands: ['hgetall'], readOnly: true },
    { keys: ['tollgate:gateways'], commands: ['hgetall', 'hdel'] },
    { keys: ['tollgate:waiting:*'], commands: [...SCRIPT, 'sadd', 'del'] },
    { keys: ['tollgate:refusing'], commands: [...SCRIPT, 'hgetall', 'hget', 'hdel'] },
    // It shows the names of all keys, with the digests of API keys among them, and none of their contents.
    { keys: [], commands: ['scan'] },
  ],
};

/**
 * What the release before did outside of scripts and this one does inside of them. The user `default`, by which that
 * release logs in, has it beside the rights of all services until its last process is gone.
 */
export const FORMER_GRANTS: readonly RedisGrant[] = [
  { keys: [], commands: ['multi', 'exec'] },
  { keys: ['tollgate:waiting:*'], commands: ['sadd'] },
];
