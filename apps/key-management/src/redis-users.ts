import { EnvironmentError, readEnvironment, secretVariable } from '@tollgate/config';
import { redisUsersCommands, redisUsersFile } from '@tollgate/redis';
import { z } from 'zod';

/**
 * Prints the users of Redis that this release needs, for a server whose users somebody else keeps. Passwords are in it
 * by their SHA-256 alone. It may be run again: what it prints replaces what the users were.
 */

const password = secretVariable(z.string());
const environment = z.object({
  REDIS_PASSWORD_GATEWAY: password,
  REDIS_PASSWORD_KEY_MANAGEMENT: password,
  REDIS_PASSWORD_USAGE_BILLING: password,
  /** Of the operator, who may do everything. */
  REDIS_PASSWORD_TOLLGATE: password.optional(),
  /** By which the release before logs in: `default` is off without it. */
  REDIS_PASSWORD_DEFAULT: password.optional(),
});

const USAGE = `usage: node apps/key-management/dist/redis-users.js             prints a file of users, for aclfile
       node apps/key-management/dist/redis-users.js --commands  prints commands for redis-cli of an administrator
Each password is in REDIS_PASSWORD_GATEWAY, REDIS_PASSWORD_KEY_MANAGEMENT, REDIS_PASSWORD_USAGE_BILLING, and may be in
REDIS_PASSWORD_TOLLGATE and REDIS_PASSWORD_DEFAULT; or in the file that the same name with _FILE names.
`;

/** Returns the exit code. */
function run([option, ...more]: readonly string[]): number {
  if (more.length > 0 || (option !== undefined && option !== '--commands')) {
    process.stderr.write(USAGE);
    return 2;
  }
  const given = readEnvironment(environment, process.env);
  const passwords = {
    gateway: given.REDIS_PASSWORD_GATEWAY,
    'key-management': given.REDIS_PASSWORD_KEY_MANAGEMENT,
    'usage-billing': given.REDIS_PASSWORD_USAGE_BILLING,
    ...(given.REDIS_PASSWORD_TOLLGATE !== undefined && { tollgate: given.REDIS_PASSWORD_TOLLGATE }),
    ...(given.REDIS_PASSWORD_DEFAULT !== undefined && { default: given.REDIS_PASSWORD_DEFAULT }),
  };
  process.stdout.write(option === undefined ? redisUsersFile(passwords) : redisUsersCommands(passwords));
  return 0;
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
