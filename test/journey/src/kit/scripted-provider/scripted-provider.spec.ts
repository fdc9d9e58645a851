import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallUnderWay } from '../call-under-way.js';
import {
  answer,
  completion,
  event,
  events,
  liveEvents,
  openSse,
  plain,
  sse,
  startScriptedProvider,
  wordsText,
  type ScriptedProvider,
} from './index.js';
import { contentOfData, eventData } from '../event-stream.js';

describe('the scripted provider', () => {
  let provider: ScriptedProvider;
  beforeAll(async () => {
    provider = await startScriptedProvider();
  });
  afterAll(async () => {
    await provider.stop();
  });

  const call = (model: string, entry = 'some') => {
    const { origin, pathname } = new URL(provider.baseUrl(entry));
    const body = JSON.stringify({ model });
    return new CallUnderWay(origin, {
      path: `${pathname}/chat/completions`,
      headers: { 'content-length': String(body.length) },
      body,
    });
  };

  it('plays the first script for the first request, and the last for all that follow, by any entry', async () => {
    const play = provider.play('turns', [plain('first'), plain('second', { status: '503 Away' })]);
    const replies = [await call('turns', 'one').ended, await call('turns', 'two').ended, await call('turns').ended];
    expect(replies.map(({ reply }) => [reply.status, reply.text])).toEqual([
      [200, 'first'],
      [503, 'second'],
      [503, 'second'],
    ]);
    expect(play.requests.map(({ entry }) => entry)).toEqual(['one', 'two', 'some']);
  });

  it('sends a stream event by event, and waits at a gate until the client has what it names', async () => {
    const play = provider.play('live', [sse(liveEvents(answer))]);
    const stream = call('live');
    await stream.until('word0 ');
    expect(await Promise.race([stream.ended, Promise.resolve('open')])).toBe('open');
    play.heard('word0 ');
    const { reply, complete } = await stream.ended;
    expect([contentOfData(eventData(reply.text)), complete, play.missed]).toEqual([wordsText, true, []]);
  });

  it.each(['reset', 'close'] as const)('breaks the connection by %s, and tells when it is gone', async (ending) => {
    const play = provider.play(`ends by ${ending}`, [[...openSse(events(['a'])), ending]]);
    const { reply, complete } = await call(`ends by ${ending}`).ended;
    expect([reply.status === 200 ? reply.text : event('a').toString(), complete]).toEqual([
      event('a').toString(),
      false,
    ]);
    await (
      await play.request(1)
    ).connection.closed;
    expect(play.log).toEqual(['asked 1', 'closed 1']);
  });

  it('hangs until the client leaves, and notes what happened in order', async () => {
    const play = provider.play('hangs', [['hang']]);
    const left = call('hangs');
    const { connection } = await play.request(1);
    play.note('left');
    left.leave();
    await connection.closed;
    expect(play.log).toEqual(['asked 1', 'left', 'closed 1']);
  });

  it('reads bodies in chunks, and tells the requests of one connection apart', async () => {
    const play = provider.play('kept', [plain(completion('hi'))]);
    const { hostname, port, pathname } = new URL(provider.baseUrl('some'));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let number = 0; number < 2; number++) {
      await new Promise<void>((resolve) => {
        const sent = request(
          {
            hostname,
            port,
            path: `${pathname}/chat/completions`,
            method: 'POST',
            agent,
            headers: { 'transfer-encoding': 'chunked' },
          },
          (response) => response.resume().once('end', resolve),
        );
        sent.write('{"model":');
        sent.end('"kept"}');
      });
    }
    agent.destroy();
    expect(play.requests.map(({ reused, body }) => [reused, body.toString()])).toEqual([
      [false, '{"model":"kept"}'],
      [true, '{"model":"kept"}'],
    ]);
    expect(new Set(play.requests.map(({ connection }) => connection.number)).size).toBe(1);
  });
});
