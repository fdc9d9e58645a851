import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appScript, repository } from './kit/app-script.js';
import { placesWithSecrets } from './kit/canary-scan.js';
import { ManagedProcess } from './kit/managed-process.js';
import { adminSecretFileIn, adminSecretIn, curlLineIn, startAsNewcomer } from './kit/newcomer.js';
import { startOutside, type Outside } from './kit/outside.js';
import { usageOf } from './kit/provider-log.js';
import { runShell } from './kit/shell.js';
import { eventsOf } from './kit/sse.js';
import { standaloneSettings, startStandalone, type StandaloneShape } from './kit/standalone.js';
import { filesUnder } from './kit/stored-bytes.js';

/** What only the one-process shape promises. */
describe('the standalone', () => {
  let outside: Outside;
  let shape: StandaloneShape;
  const neighboursFolder = join(tempFolder('tollgate-neighbour'), 'data');
  beforeAll(async () => {
    outside = await startOutside();
    shape = await startStandalone({ outside });
  });
  afterAll(async () => {
    await shape?.stop();
    await outside?.stop();
  });

  it('finds its data again at the next start: the key, its limit, what it has spent', async () => {
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const ended = await shape.client().createKey();
    await shape.client().deleteKey(ended.id);
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    const totals = await usageOf(shape, key.id, 1);
    const used = async () => (await shape.client().getKey(key.id)).secrets[0]?.last_used_at != null;
    await waitUntil(used, { what: 'the use of the secret to be told' });
    const before = await shape.client().getKey(key.id);

    expect(await shape.process.stop()).toEqual({ code: 0, signal: null });
    await shape.process.startAgain();
    expect(await shape.client().usage(key.id)).toEqual(totals);
    expect(await shape.client().getKey(key.id)).toEqual(before);
    expect((await shape.client().chat(ended.secret)).status).toBe(401);
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    expect((await usageOf(shape, key.id, 2)).requests).toBe(2);
  });

  it('is refused a folder that another one uses, in words', async () => {
    const second = startStandalone({ outside, dataFolder: shape.dataFolder });
    await expect(second).rejects.toThrow(/exited with code [1-9][\s\S]*in use/);
    expect((await shape.client().createKey()).state).toBe('active');
  });

  it('runs beside another one, and neither knows of the other', async () => {
    const other = await startStandalone({ outside, dataFolder: neighboursFolder });
    try {
      const [ours, theirs] = [await shape.client().createKey(), await other.client().createKey()];
      expect((await shape.client().chat(ours.secret)).status).toBe(200);
      expect((await other.client().chat(theirs.secret)).status).toBe(200);
      expect((await shape.client().chat(theirs.secret)).status).toBe(401);
      expect((await other.client().chat(ours.secret)).status).toBe(401);
      expect((await other.client().admin('GET', `/v1/api-keys/${ours.id}`)).status).toBe(404);
    } finally {
      await other.stop();
    }
  });

  it('is refused a port that is taken, in words', async () => {
    const port = Number(new URL(shape.gateways[0]!.url).port);
    const { environment } = await standaloneSettings({
      port,
      dataFolder: neighboursFolder,
      adminSecret: shape.adminSecret,
    });
    // The first one answers at that port, so only an exit tells.
    const second = ManagedProcess.start({
      name: 'second',
      script: appScript('standalone'),
      cwd: repository,
      env: { ...outside.environment, ...environment },
      readyWhen: /never said/,
    });
    await expect(second).rejects.toThrow(new RegExp(`exited with code [1-9][\\s\\S]*${port}`));
  });

  it.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      'a database that is away',
      { DATABASE_URL: 'postgres://user:hunter22@127.0.0.1:1/tollgate' },
      /^tollgate did not start: DATABASE_URL: PostgreSQL cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1$/m,
    ],
    [
      'one port for two listeners',
      { TOLLGATE_PORT: '1', TOLLGATE_OPERATIONS_PORT: '1' },
      /TOLLGATE_OPERATIONS_PORT must be another port than TOLLGATE_PORT/,
    ],
    [
      'a host that is not this machine',
      { TOLLGATE_HOST: '192.0.2.1' },
      /^tollgate did not start: TOLLGATE_HOST: 192\.0\.2\.1 is no address/m,
    ],
  ])('says of %s which setting to mend, and shows no stack', async (_what, wrong, said) => {
    const { environment } = await standaloneSettings({ dataFolder: neighboursFolder, adminSecret: shape.adminSecret });
    const error = await ManagedProcess.start({
      name: 'misled',
      script: appScript('standalone'),
      cwd: repository,
      env: { ...outside.environment, ...environment, ...wrong },
      readyWhen: /never said/,
    }).then(
      () => null,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).toMatch(said);
    expect(error?.message).not.toMatch(/\n {4}at |"level"|hunter22/);
  });

  it('lets open streams finish when it is asked to stop, and loses none of their usage', async () => {
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const streams = await Promise.all(
      Array.from({ length: 10 }, () =>
        shape.client().openChat(key.secret, { max_tokens: 40, simulator: { chunks: 20, chunk_interval_ms: 40 } }),
      ),
    );
    for (const stream of streams) await stream.until((text) => text.includes('word0'));
    const exited = shape.process.askToStop();
    for (const { ended } of streams) expect(eventsOf((await ended).text).at(-1)?.data).toBe('[DONE]');
    expect(await exited).toEqual({ code: 0, signal: null });
    await shape.process.startAgain();
    expect((await shape.client().usage(key.id)).requests).toBe(streams.length);
  });
});

describe('the first start of a standalone', () => {
  const dataFolder = join(tempFolder('tollgate-newcomer'), 'data');

  it('writes an admin secret into a file, since no terminal shows it, and prints a command that works as pasted', async () => {
    const first = await startAsNewcomer(dataFolder);
    const output = first.process.output();
    const secret = adminSecretIn(output);
    try {
      expect(output).toContain(first.url);
      expect(output, 'which provider it uses where no credential is set').toMatch(/simulator/i);
      expect(secret).toMatch(/^\S{32,}$/);
      expect(output, 'an engine keeps what its containers print').not.toContain(secret);
      const [secretFile, linkFile] = ['admin-secret', 'sign-in-link'].map((name) => join(dataFolder, name));
      expect(adminSecretFileIn(output)).toBe(secretFile);
      for (const file of [secretFile!, linkFile!]) expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(output).toContain(`owner@localhost signs in by the link in the file ${linkFile}, once`);
      expect(output).not.toContain('#token=');
      expect(readFileSync(linkFile!, 'utf8')).toMatch(new RegExp(`^${first.url}/sign-in-link#token=[\\w-]{43}\n$`));
      const { output: printed, code } = await runShell(curlLineIn(output)!);
      expect(code, printed).toBe(0);
      expect(printed).toContain('"object":"api_key"');
      expect(printed).toContain('"secret":"sk-');
      expect(await placesWithSecrets([secret!], filesUnder(dataFolder)), 'files with the admin secret').toEqual([
        secretFile,
      ]);
    } finally {
      await first.process.stop();
    }

    await first.process.startAgain();
    try {
      const since = first.process.output().slice(output.length);
      expect(since).toContain(first.url);
      expect(since).not.toContain(secret);
      const list = await fetch(`${first.url}/v1/api-keys`, { headers: { authorization: `Bearer ${secret}` } });
      expect(list.status).toBe(200);
      expect(since, 'the file is named until somebody deletes it').toContain('delete the file');
      rmSync(join(dataFolder, 'admin-secret'));
    } finally {
      await first.process.stop();
    }
  });

  it('keeps its data from other users of the machine', () => {
    expect(statSync(dataFolder).mode & 0o077).toBe(0);
  });
});
