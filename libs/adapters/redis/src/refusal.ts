/** An error that Redis replied with, as ioredis gives it. */
interface ReplyError extends Error {
  readonly command?: { readonly name: string; readonly args: readonly unknown[] };
}

/** The oldest release whose scripts can say what they do without memory, and whose users have selectors. */
const OLDEST_MAJOR = 7;

/** A fault of Redis or of its users that somebody must mend: one sentence, and a code for programs. */
class RedisFault extends Error {
  constructor(
    readonly code: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Whether a reply says that this server takes no writes: it is a replica, or has become one by a failover. */
export function isOfReplica({ message }: Error): boolean {
  return /^(READONLY|MASTERDOWN)\b/.test(message);
}

/**
 * A login or a right that Redis refuses, as one sentence that names the user, the command and the key; null if the
 * error is of another kind. Of a key only its pattern is named: the rest of it is the digest or the id of a customer.
 */
export function refusalOf(error: Error, user: string): Error | null {
  const { message, command } = error as ReplyError;
  if (error instanceof RedisFault) return null;
  if (message.startsWith('WRONGPASS'))
    return fault(
      'WRONGPASS',
      `Redis refuses the login of the user ${user}: it is not there, is off, or has another password`,
    );
  if (message.startsWith('NOAUTH'))
    return fault('NOAUTH', `Redis asks who logs in: name a user and its password in REDIS_URL`);
  if (isOfReplica(error))
    return fault(
      'READONLY',
      'the Redis that answers is a replica, which takes no writes; connecting by its name again',
    );
  if (!message.startsWith('NOPERM') && !message.includes('The user executing the script')) return null;
  const isScript = /^eval/i.test(command?.name ?? '');
  const what = isScript ? 'a script, or what it does,' : (command?.name.toUpperCase() ?? 'a command');
  const key = keyOf(command);
  const where = key === null ? '' : ` on the keys ${patternOf(key)}`;
  return fault(
    'NOPERM',
    `the Redis user ${user} may not run ${what}${where}; give Redis the users of this release (docs/UPGRADE.md)`,
  );

  function fault(code: string, text: string): Error {
    return new RedisFault(code, text, error);
  }
}

/** What is wrong with a server, by its INFO; null if it can be used. */
export function serverFault(info: string): Error | null {
  const valueOf = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = valueOf('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR))
    return new RedisFault(
      'REDIS_TOO_OLD',
      `the version of Redis is ${version}; Tollgate needs ${OLDEST_MAJOR}.0 or later`,
    );
  if (valueOf('role') === 'slave')
    return new RedisFault('READONLY', 'the Redis that answers is a replica, which takes no writes; name the primary');
  if (!/^\w+$/.test(valueOf('run_id') ?? ''))
    return new RedisFault('NO_RUN_ID', 'Redis does not tell its run_id, by which what it holds is believed');
  return null;
}

/** The first key of a command; null if it has none. */
function keyOf(command: ReplyError['command']): string | null {
  if (command === undefined) return null;
  const name = command.name.toLowerCase();
  if (name === 'eval' || name === 'evalsha') return Number(command.args[1]) > 0 ? String(command.args[2]) : null;
  if (name === 'xread') return String(command.args[command.args.indexOf('STREAMS') + 1]);
  const [first] = command.args;
  return typeof first === 'string' && first.startsWith('tollgate:') ? first : null;
}

/** A key without what is a customer's own. */
export function patternOf(key: string): string {
  return key
    .replace(/\{(?!key-changes\})[^}]*\}/, '{*}')
    .replace(/^(tollgate:(?:key|waiting|organization:v1|\{\*\}:shipped)):.*$/s, '$1:*');
}
