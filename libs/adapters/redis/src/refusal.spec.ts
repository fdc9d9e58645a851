import { describe, expect, it } from 'vitest';
import { isOfReplica, patternOf, refusalOf, serverFault } from './refusal.js';

const reply = (message: string, name?: string, ...args: unknown[]): Error =>
  Object.assign(new Error(message), name === undefined ? {} : { command: { name, args } });
const NOPERM = "NOPERM this user has no permissions to run the 'hset' command";

describe('what Redis refuses', () => {
  it.each([
    [reply(NOPERM, 'hset', 'tollgate:key:secret', 'v', '1'), 'HSET on the keys tollgate:key:*'],
    [
      reply(
        "ERR The user executing the script can't run this command or subcommand",
        'evalsha',
        'a1',
        1,
        'tollgate:{org}:admission:2',
        '[]',
      ),
      'a script, or what it does, on the keys tollgate:{*}:admission:2',
    ],
    [
      reply(NOPERM, 'xread', 'BLOCK', 2000, 'STREAMS', 'tollgate:{key-changes}:stream', '0-0'),
      'XREAD on the keys tollgate:{key-changes}:stream',
    ],
    [reply(NOPERM, 'info'), 'INFO'],
    [reply(NOPERM), 'a command'],
  ])('is said in one sentence with the user, the command and the pattern of the key', (error, what) => {
    const refusal = refusalOf(error, 'gateway')!;
    expect(refusal.message).toBe(
      `the Redis user gateway may not run ${what}; give Redis the users of this release (docs/UPGRADE.md)`,
    );
    expect(refusal).toMatchObject({ code: 'NOPERM', cause: error });
  });

  it('is the login too', () => {
    expect(
      refusalOf(reply('WRONGPASS invalid username-password pair', 'auth', 'gateway', 'pass'), 'gateway')!.message,
    ).toBe('Redis refuses the login of the user gateway: it is not there, is off, or has another password');
    expect(refusalOf(reply('NOAUTH Authentication required.'), 'default')!.message).toMatch(/REDIS_URL/);
  });

  it('is nothing else that it answers', () => {
    for (const message of ['ERR syntax error', 'OOM command not allowed', 'NOSCRIPT No matching script', 'BUSY'])
      expect(refusalOf(reply(message), 'gateway')).toBeNull();
  });

  it.each([
    'tollgate:key:ab',
    'tollgate:organization:v1:ab',
    'tollgate:waiting:ab',
    'tollgate:{ab}:shipped:ab',
    'tollgate:{ab}:admission:2',
  ])('names nothing of a customer: %s', (key) => {
    expect(patternOf(key)).not.toContain('ab');
    expect(patternOf(key)).toContain('*');
  });
});

describe('a server', () => {
  const info = (version: string, role = 'master') =>
    `# Server\r\nredis_version:${version}\r\nrun_id:abc123\r\n# Replication\r\nrole:${role}\r\n`;

  it.each(['7.0.15', '7.2.4', '8.2.1'])('of release %s can be used', (version) => {
    expect(serverFault(info(version))).toBeNull();
  });

  it.each([
    [info('6.2.14'), 'the version of Redis is 6.2.14; Tollgate needs 7.0 or later'],
    [info('5.0'), 'the version of Redis is 5.0; Tollgate needs 7.0 or later'],
    ['', 'the version of Redis is unknown; Tollgate needs 7.0 or later'],
    [info('7.0.15', 'slave'), 'the Redis that answers is a replica, which takes no writes; name the primary'],
    ['redis_version:7.0.1\r\nrole:master\r\n', 'Redis does not tell its run_id, by which what it holds is believed'],
  ])('that cannot be used is refused in a sentence', (text, sentence) => {
    expect(serverFault(text)?.message).toBe(sentence);
  });

  it('that takes no writes is known by what it replies, also to a script', () => {
    expect(isOfReplica(reply("READONLY You can't write against a read only replica."))).toBe(true);
    expect(isOfReplica(reply('READONLY Can not run script with write flag on readonly replica.'))).toBe(true);
    expect(isOfReplica(reply('MASTERDOWN Link with MASTER is down'))).toBe(true);
    expect(isOfReplica(reply('ERR READONLY is a word'))).toBe(false);
  });
});
