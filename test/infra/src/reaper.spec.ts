import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tempFolder } from './folders.js';
import { startProcess } from './processes.js';
import { reapNow } from './reaper.js';
import { waitUntil } from './wait-until.js';

const stayAlive = 'console.log("up"); setInterval(() => {}, 1000);';
const node = (name: string, code: string) => startProcess({ name, command: process.execPath, args: ['-e', code] });

describe('what a process has started', () => {
  it('is gone, with its folders, when the process has asked for that', async () => {
    const folder = tempFolder('tollgate-reaper');
    const obeying = await node('obeying', stayAlive);
    const deaf = await node('deaf', `process.on("SIGTERM", () => {}); ${stayAlive}`);
    await waitUntil(() => deaf.output().includes('up'), { what: 'the handler' });
    await reapNow();
    expect(await obeying.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await deaf.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(existsSync(folder)).toBe(false);
  });

  it('may be nothing at all, and what is started afterwards is ended as well', async () => {
    await reapNow();
    await reapNow();
    const later = await node('later', stayAlive);
    await waitUntil(() => later.output().includes('up'), { what: 'it to run' });
    await reapNow();
    expect((await later.exited).signal).toBe('SIGTERM');
  });
});
