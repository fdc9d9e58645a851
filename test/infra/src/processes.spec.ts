import { describe, expect, it } from 'vitest';
import { spawnApp } from './app.js';
import { isRunning, startProcess, untilReady } from './processes.js';
import { waitUntil } from './wait-until.js';

const node = (name: string, code: string) => startProcess({ name, command: process.execPath, args: ['-e', code] });
const stayAlive = 'setInterval(() => {}, 1000);';

describe('a started process', () => {
  it('tells its exit code and output', async () => {
    const running = await node('talker', 'console.log("out"); console.error("err"); process.exit(3)');
    expect(await running.exited).toEqual({ code: 3, signal: null });
    await waitUntil(() => running.output().includes('out') && running.output().includes('err'), {
      what: 'both streams',
    });
  });

  it('is noticed when it is killed', async () => {
    const running = await node('victim', stayAlive);
    running.kill();
    expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(() => running.kill()).not.toThrow();
  });

  it('takes its children with it', async () => {
    const running = await node(
      'parent',
      `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stayAlive)}]); console.log("child", c.pid); ${stayAlive}`,
    );
    const child = Number(await waitUntil(() => /child (\d+)/.exec(running.output())?.[1], { what: "the child's pid" }));
    running.kill();
    await waitUntil(() => !isRunning(child), { what: 'the child to be gone' });
  });

  it('is killed when it does not stop in time', async () => {
    const running = await node('deaf', `process.on("SIGTERM", () => {}); console.log("up"); ${stayAlive}`);
    await waitUntil(() => running.output().includes('up'), { what: 'the handler' });
    expect(await running.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('keeps the end of a long output', async () => {
    const running = await node('chatty', 'process.stdout.write("x".repeat(1e6) + "the end")');
    await running.exited;
    await waitUntil(() => running.output().endsWith('the end'), { what: 'the end' });
    expect(running.output().length).toBeLessThanOrEqual(256 * 1024);
  });

  it('has said all when it is closed', async () => {
    const running = await node('talker', 'process.stdout.write("x".repeat(1e5) + "the end")');
    expect(await running.closed).toEqual({ code: 0, signal: null });
    expect(running.output()).toHaveLength(1e5 + 'the end'.length);
  });

  it('cannot be a program that is not there', async () => {
    await expect(startProcess({ name: 'nothing', command: '/no/such/program', args: [] })).rejects.toThrow(
      'nothing: cannot execute /no/such/program',
    );
  });
});

describe('waiting for a process', () => {
  it('fails at once with its last words when it dies', async () => {
    const running = await node('broken', 'console.error("no configuration"); process.exit(2)');
    await expect(untilReady(running, () => false, { what: 'it' })).rejects.toThrow(
      /broken exited with code 2 before it was ready[^]*no configuration/,
    );
  });

  it('kills it when the time is over', async () => {
    const running = await node('slow', stayAlive);
    await expect(untilReady(running, () => false, { what: 'slow to be ready', timeoutMs: 20 })).rejects.toThrow(
      'waited 20 ms for slow to be ready',
    );
    expect((await running.exited).signal).toBe('SIGKILL');
  });
});

describe('spawnApp', () => {
  it('is ready at the words it prints, and finds its URL there', async () => {
    const app = await spawnApp({
      name: 'app',
      script: '-e',
      args: [`console.log("listening on http://127.0.0.1:8123"); ${stayAlive}`],
      env: {},
      readyWhen: /listening on (\S+)/,
    });
    expect(app.url).toBe('http://127.0.0.1:8123');
    await app.stop();
  });

  it('is ready when its health URL answers', async () => {
    const server =
      'const s = require("http").createServer((q, r) => r.end("ok")); s.listen(0, () => console.log("at http://127.0.0.1:" + s.address().port));';
    const first = await spawnApp({ name: 'first', script: '-e', args: [server], env: {}, readyWhen: /at (\S+)/ });
    const second = await spawnApp({
      name: 'second',
      script: '-e',
      args: [stayAlive],
      env: {},
      readyWhen: `${first.url}/healthz`,
    });
    expect(second.url).toBe(first.url);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('hands on nothing of the environment but what it is given', async () => {
    const app = await spawnApp({
      name: 'app',
      script: '-e',
      args: [`console.log(Object.keys(process.env).sort().join(), "end"); ${stayAlive}`],
      env: { TOLLGATE_PORT: '1' },
      readyWhen: /end/,
    });
    expect(app.output()).toContain('TOLLGATE_PORT');
    expect(app.output()).not.toContain('VITEST');
    expect(app.output()).not.toContain('NODE_ENV');
    await app.stop();
  });
});
