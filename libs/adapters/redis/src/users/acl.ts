import { createHash } from 'node:crypto';
import { COMMON_COMMANDS, FORMER_GRANTS, REDIS_RIGHTS, type RedisGrant, type RedisService } from './rights.js';

/**
 * The users of Redis: one for each service; `tollgate`, an operator who may do everything; and `default`, by which the
 * release before logs in.
 */
export type RedisUserName = RedisService | 'tollgate' | 'default';

/** The passwords by user. A user without one is not made, and `default` without one is off. */
export type RedisPasswords = Readonly<Record<RedisService, string> & { tollgate?: string; default?: string }>;

export const REDIS_SERVICES = Object.keys(REDIS_RIGHTS) as RedisService[];

/**
 * The rules of a user without its password, as `ACL SETUSER` and a file of users take them. Those of a service make
 * one selector of each grant, which needs Redis 7.0: a command is allowed on the keys of its own grant alone.
 */
export function redisRules(user: RedisUserName): string {
  if (user === 'tollgate') return 'resetkeys resetchannels ~* &* +@all';
  const grants =
    user === 'default'
      ? [...REDIS_SERVICES.flatMap((name) => REDIS_RIGHTS[name]), ...FORMER_GRANTS]
      : REDIS_RIGHTS[user];
  const common = COMMON_COMMANDS.map((command) => `+${command}`);
  return ['resetkeys', 'resetchannels', '-@all', ...common, ...grants.map(selectorOf)].join(' ');
}

function selectorOf({ keys, commands, readOnly = false }: RedisGrant): string {
  const rules = [...keys.map((key) => `${readOnly ? '%R' : ''}~${key}`), ...commands.map((command) => `+${command}`)];
  return `(${rules.join(' ')})`;
}

/** How Redis keeps a password: it takes the SHA-256 in hexadecimal behind a `#`. */
function passwordRule(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`;
}

/** Each user with all its rules, in the order of a file of users. `default` is there also if it is off. */
function usersOf(passwords: RedisPasswords): [name: string, rules: string][] {
  const names: RedisUserName[] = ['default', ...REDIS_SERVICES, 'tollgate'];
  return names.flatMap((name): [name: string, rules: string][] => {
    const password = passwords[name];
    if (password !== undefined) return [[name, `on ${passwordRule(password)} ${redisRules(name)}`]];
    return name === 'default' ? [[name, 'off resetkeys resetchannels -@all']] : [];
  });
}

/**
 * The content of Redis' file of users (`aclfile`). It names passwords by their SHA-256 only.
 *
 * @example
 * const passwords = { gateway: 'a', 'key-management': 'b', 'usage-billing': 'c' };
 * writeFileSync('users.acl', redisUsersFile(passwords));
 */
export function redisUsersFile(passwords: RedisPasswords): string {
  return usersOf(passwords)
    .map(([name, rules]) => `user ${name} ${rules}\n`)
    .join('');
}

/**
 * The same users as commands for `redis-cli` of an administrator, for a server without a file of users. They replace
 * what the users were before, so they can be run again. `default` comes last: it may be who runs them.
 */
export function redisUsersCommands(passwords: RedisPasswords): string {
  const [former, ...others] = usersOf(passwords);
  return [...others, former!].map(([name, rules]) => `ACL SETUSER ${name} reset ${quoted(rules)}\n`).join('');
}

/**
 * The arguments by which `redis-server` has a user of a service. They show the SHA-256 of the password to everybody on
 * the machine: for tests only.
 */
export function redisUserArguments(service: RedisService, password: string): string[] {
  return ['--user', service, 'on', passwordRule(password), ...rulesApart(redisRules(service))];
}

/** Each rule in quotation marks, since redis-cli would take the parentheses of a selector apart at its spaces. */
function quoted(rules: string): string {
  return rulesApart(rules)
    .map((rule) => (rule.startsWith('(') ? `"${rule}"` : rule))
    .join(' ');
}

/** Rules one by one; a selector is one. */
function rulesApart(rules: string): string[] {
  return rules.match(/\([^)]*\)|\S+/g) ?? [];
}
