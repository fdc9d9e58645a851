import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { giveWay } from './pinning.js';

let parent: ChildProcess | undefined;
afterEach(() => void (parent?.pid !== undefined && process.kill(-parent.pid, 'SIGKILL')));

describe('bookkeepers that give way', () => {
  it('do so with what they have started, and with the group that they are scheduled in', async () => {
    parent = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const child = Number(String((await once(parent.stdout!, 'data'))[0]));
    giveWay([parent.pid!]);
    for (const pid of [parent.pid!, child]) expect(getPriority(pid), String(pid)).toBe(19);
    const group = `/proc/${parent.pid}/autogroup`;
    if (existsSync(group)) expect(readFileSync(group, 'utf8')).toMatch(/nice 19\n$/);
  });
  it('may have ended meanwhile', async () => {
    const gone = spawn('true', { stdio: 'ignore' });
    await once(gone, 'exit');
    expect(() => giveWay([gone.pid!])).not.toThrow();
  });
});
