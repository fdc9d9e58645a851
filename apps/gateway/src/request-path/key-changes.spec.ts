import { setImmediate as turn } from 'node:timers/promises';
import type { ActiveSnapshot } from '@tollgate/api-key';
import { afterEach, describe, expect, it } from 'vitest';
import { BODY, DIGEST, RequestStage } from './request-stage.js';

/** What a key may do no more after a change, and the answer to who does it all the same. */
const CHANGES: readonly (readonly [what: string, change: Partial<ActiveSnapshot>, code: string])[] = [
  ['its list of models', { models: ['other'] }, 'model_access_denied'],
  ['its networks', { allowedIps: ['203.0.113.0/24'] }, 'ip_not_allowed'],
  ['its scopes', { scopes: ['analytics:read'] }, 'access_denied'],
];
/** How a gateway hears of a change. */
const HEARD: readonly (readonly [how: string, hear: (stage: RequestStage) => void])[] = [
  ['by its announcement', (stage) => stage.changes.changed(stage.committed)],
  ['after one that cannot be read', (stage) => stage.changes.forget([DIGEST])],
  ['after a gap', (stage) => stage.changes.gap()],
  [
    'though nothing is announced any more',
    (stage) => {
      stage.silentMs = 3_001;
      stage.passTime(3_001);
    },
  ],
];

let stage: RequestStage;
afterEach(() => stage.stop());

function change(fields: Partial<ActiveSnapshot>): void {
  stage.committed = { ...stage.active(null), version: 2, ...fields };
}

describe('a key that is changed while the body of a request is on its way', () => {
  describe.each(CHANGES)('in %s', (_what, fields, code) => {
    it.each(HEARD)('is asked by what it is then, %s', async (_how, hear) => {
      stage = new RequestStage(null, false);
      const client = await stage.client();
      client.begin(10);
      while ([...stage.inFlight][0]?.onKeyEnd == null) await turn();
      change(fields);
      hear(stage);
      client.send(BODY.slice(10));
      const reply = await client.reply();
      expect([reply.status, reply.code]).toEqual([403, code]);
      expect(stage.sent).toEqual([]);
      expect(stage.inFlight.size).toBe(0);
    });
  });

  it('and may still do what is asked, is served', async () => {
    stage = new RequestStage(null, false);
    const client = await stage.client();
    client.begin(10);
    while ([...stage.inFlight][0]?.onKeyEnd == null) await turn();
    change({ models: ['m'], name: 'renamed' });
    stage.changes.changed(stage.committed);
    client.send(BODY.slice(10));
    expect((await client.reply()).status).toBe(200);
  });
});

describe('a key that is changed once its request is being admitted', () => {
  it.each(CHANGES)('in %s, ends it under the rules that it began with', async (_what, fields) => {
    stage = new RequestStage('rate and credit', false);
    const client = await stage.client();
    client.begin(BODY.length);
    await stage.gates['rate and credit'].reached;
    change(fields);
    stage.changes.changed(stage.committed);
    stage.gates['rate and credit'].open();
    expect((await client.reply()).status).toBe(200);
  });
});
