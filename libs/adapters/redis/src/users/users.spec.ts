import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { redisRules, redisUsersCommands, redisUsersFile } from './acl.js';
import { redisStartScript } from './start-script.js';

const passwords = { gateway: 'of "the" gateway', 'key-management': 'b', 'usage-billing': 'c' };
const SHA_OF_B = '3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d';

describe('the users of Redis', () => {
  it('are one a service, and nobody logs in without a name', () => {
    const names = redisUsersFile(passwords).split('\n').filter(Boolean);
    expect(names.map((line) => line.split(' ').slice(0, 3).join(' ').replace(/#.*/, ''))).toEqual([
      'user default off',
      'user gateway on',
      'user key-management on',
      'user usage-billing on',
    ]);
  });

  it('have their passwords as digests alone', () => {
    const file = redisUsersFile({ ...passwords, tollgate: 'operator' });
    expect(file).toContain(`user key-management on #${SHA_OF_B} `);
    expect(file).not.toMatch(/of "the"|operator/);
  });

  it('begin with no rights, and none but the operator has all of a kind', () => {
    for (const name of ['default', 'gateway', 'key-management', 'usage-billing'] as const) {
      expect(redisRules(name)).toMatch(/^resetkeys resetchannels -@all \+/);
      expect(redisRules(name)).not.toMatch(/\+@|allkeys|allcommands|~\*|&\*/);
    }
    expect(redisRules('tollgate')).toContain('+@all');
  });

  it('are made by commands of an administrator too, who may be default', () => {
    const lines = redisUsersCommands({ ...passwords, default: 'former' })
      .split('\n')
      .filter(Boolean);
    expect(lines.map((line) => line.split(' ').slice(0, 5).join(' '))).toEqual([
      'ACL SETUSER gateway reset on',
      'ACL SETUSER key-management reset on',
      'ACL SETUSER usage-billing reset on',
      'ACL SETUSER default reset on',
    ]);
    expect(lines[0]).toContain('"(%R~tollgate:key:* %R~tollgate:organization:v1:* +hmget)"');
  });

  it('are in the script that starts Redis', async () => {
    await expect(redisStartScript()).toMatchFileSnapshot('../../../../../deploy/redis/start-redis.sh');
  });

  it('are in the copy of that script that the chart has, since Helm reads no file outside of it', () => {
    const copy = new URL('../../../../../deploy/kubernetes/chart/files/start-redis.sh', import.meta.url);
    expect(copyOf(copy) ?? redisStartScript()).toBe(redisStartScript());
  });
});

function copyOf(file: URL): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
