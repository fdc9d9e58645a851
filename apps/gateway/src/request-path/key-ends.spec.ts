import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { ActiveSnapshot } from '@tollgate/api-key';
import { afterEach, describe, expect, it } from 'vitest';
import { BODY, DIGEST, GRACE_MS, LIFE_MS, NEW_DIGEST, RequestStage, WAITS, type Wait } from './request-stage.js';

const HOUR_MS = 3_600_000;
const STATUS = { invalid_api_key: 401, expired_api_key: 401, subscription_expired: 402, keys_unavailable: 503 };

/** A way in which a key ends, or in which its state becomes unknown. */
interface End {
  readonly code: 'invalid_api_key' | 'expired_api_key' | 'subscription_expired' | 'keys_unavailable';
  /** True for a key with an expiry. */
  readonly expires?: true;
  /** True if no message tells of it, so that a request is refused only after its body is complete. */
  readonly unheard?: true;
  /** True for keys that are cached: other requests cannot know of it. */
  readonly ofKnownKeys?: true;
  readonly happen: (stage: RequestStage) => void;
}

function missTombstone(stage: RequestStage): void {
  stage.committed = stage.dead('revoked');
}
function endSecret(stage: RequestStage, reason: 'revoked' | 'leaked'): void {
  stage.committed = stage.deadSecret(reason);
  stage.changes.changed(stage.committed);
}
function fallSilent(stage: RequestStage): void {
  stage.silentMs = 3_001;
  stage.passTime(3_001);
}

const ENDS: Readonly<Record<string, End>> = {
  revoked: { code: 'invalid_api_key', happen: (stage) => stage.end('revoked') },
  deleted: { code: 'invalid_api_key', happen: (stage) => stage.end('deleted') },
  disabled: { code: 'invalid_api_key', happen: (stage) => stage.end('disabled') },
  'disabled, and enabled again at once': {
    code: 'invalid_api_key',
    ofKnownKeys: true,
    happen: (stage) => {
      stage.end('disabled');
      stage.committed = { ...stage.active(null), version: 3 };
      stage.changes.changed(stage.committed);
    },
  },
  leaked: { code: 'invalid_api_key', expires: true, happen: (stage) => stage.end('leaked') },
  expired: { code: 'expired_api_key', expires: true, happen: (stage) => stage.passTime(LIFE_MS) },
  'expired while the wall clock was set back': {
    code: 'expired_api_key',
    expires: true,
    ofKnownKeys: true,
    happen: (stage) => stage.passTime(LIFE_MS, -HOUR_MS),
  },
  'expired before the wall clock was set back': {
    code: 'expired_api_key',
    expires: true,
    ofKnownKeys: true,
    happen: (stage) => {
      stage.passTime(0, LIFE_MS);
      stage.passTime(0, -HOUR_MS);
    },
  },
  'of a subscription that is cancelled now': {
    code: 'subscription_expired',
    unheard: true,
    happen: (stage) => {
      stage.committed = stage.subscribed(1);
      stage.changes.changed(stage.committed);
    },
  },
  'revoked, by a change that cannot be read': {
    code: 'invalid_api_key',
    happen: (stage) => {
      missTombstone(stage);
      stage.changes.forget([DIGEST]);
    },
  },
  'revoked, and its tombstone was missed in a gap': {
    code: 'invalid_api_key',
    happen: (stage) => {
      missTombstone(stage);
      stage.changes.gap();
    },
  },
  'revoked, while nothing was heard of changes': {
    code: 'invalid_api_key',
    unheard: true,
    happen: (stage) => {
      missTombstone(stage);
      fallSilent(stage);
    },
  },
  'in doubt, and nobody can be asked': {
    code: 'keys_unavailable',
    unheard: true,
    happen: (stage) => {
      stage.authorityAway = true;
      fallSilent(stage);
    },
  },
};

/** The ways in which the former secret of a rotated key ends besides. */
const ENDS_OF_SECRET: Readonly<Record<string, End>> = {
  'over, with its grace period': { code: 'invalid_api_key', happen: (stage) => stage.passTime(GRACE_MS) },
  'over, while the wall clock was set back': {
    code: 'invalid_api_key',
    ofKnownKeys: true,
    happen: (stage) => stage.passTime(GRACE_MS, -HOUR_MS),
  },
  'over before the wall clock was set back': {
    code: 'invalid_api_key',
    ofKnownKeys: true,
    happen: (stage) => {
      stage.passTime(0, GRACE_MS);
      stage.passTime(0, -HOUR_MS);
    },
  },
  'ended early': { code: 'invalid_api_key', happen: (stage) => endSecret(stage, 'revoked') },
  'the one that leaked': { code: 'invalid_api_key', happen: (stage) => endSecret(stage, 'leaked') },
  'ended, and its tombstone was missed in a gap': {
    code: 'invalid_api_key',
    happen: (stage) => {
      stage.committed = stage.deadSecret('revoked');
      stage.changes.gap();
    },
  },
  'ended, while nothing was heard of changes': {
    code: 'invalid_api_key',
    unheard: true,
    happen: (stage) => {
      stage.committed = stage.deadSecret('revoked');
      fallSilent(stage);
    },
  },
};
/** What a key's requests are made with, and how they end. An expiry comes before the end of the grace period. */
const SECRETS: readonly (readonly [what: string, rotated: boolean, ends: Readonly<Record<string, End>>])[] = [
  ['its only secret', false, ENDS],
  ['the former secret of a rotation', true, { ...ENDS, ...ENDS_OF_SECRET }],
];

type Place = Wait | 'body';
const PLACES: readonly Place[] = ['body', ...WAITS];
/** At these places and later a usage event is owed. */
const INTENDED: readonly Place[] = ['intent', 'connection', 'first provider', 'refused field', 'dead connection'];
/** At these places the first provider was sent the request before the key ended. */
const SENT_ONCE: readonly Place[] = ['first provider', 'refused field', 'dead connection'];

let stage: RequestStage;
afterEach(() => stage.stop());

/** A request that has come as far as this place, with the given number of bytes of its body, and waits there. */
async function requestAt(place: Place, expires = false, bytes = place === 'body' ? 10 : BODY.length, rotated = false) {
  stage = new RequestStage(place === 'body' ? null : place, expires, rotated);
  const client = await stage.client();
  client.begin(bytes);
  if (place !== 'body') await stage.gates[place].reached;
  else while ([...stage.inFlight][0]?.onKeyEnd == null) await turn();
  return client;
}

describe('a key that ends while a request of it is on its way', () => {
  const almost = SECRETS.flatMap(([secret, rotated]) => PLACES.map((place) => [secret, place, rotated] as const));
  it.each(almost)('and does not, but for a millisecond, is served; by %s at: %s', async (_secret, place, rotated) => {
    const client = await requestAt(place, !rotated, undefined, rotated);
    stage.passTime((rotated ? GRACE_MS : LIFE_MS) - 1);
    if (place === 'body') client.send(BODY.slice(10));
    else stage.gates[place].open();
    expect((await client.reply()).status).toBe(200);
  });

  const rows = SECRETS.flatMap(([secret, rotated, ends]) =>
    Object.entries(ends).map(([what, end]) => [secret, what, rotated, end] as const),
  );
  describe.each(rows)('by %s: %s', (_secret, _what, rotated, end) => {
    const places = PLACES.filter((place) => place !== 'look-up' || end.ofKnownKeys !== true);

    it.each(places)('reaches no provider from then on; at: %s', async (place) => {
      const client = await requestAt(place, end.expires, undefined, rotated);
      stage.failing = place === 'first provider';
      end.happen(stage);
      if (place !== 'body') stage.gates[place].open();
      else if (end.unheard === true) client.send(BODY.slice(10));
      const { status, code } = await client.reply();
      expect([status, code]).toEqual([STATUS[end.code], end.code]);
      expect(stage.sent).toEqual(SENT_ONCE.includes(place) ? ['a'] : []);
      expect(stage.lines.filter((line) => line.code === end.code)).toHaveLength(1);
      // What was reserved is given back once, and nothing is charged.
      const charges = stage.settled.map(({ chargeNanoUsd }) => chargeNanoUsd);
      expect(charges).toEqual(place === 'look-up' || place === 'body' ? [] : [0n]);
      expect(stage.finals.map(({ chargeNanoUsd }) => chargeNanoUsd)).toEqual(INTENDED.includes(place) ? ['0'] : []);
      expect(stage.inFlight.size).toBe(0);
    });
  });
});

describe('a body that is awaited when its key ends', () => {
  const reasons = ['revoked', 'deleted', 'disabled', 'leaked'] as const;
  it.each(reasons)('is answered at once, and its connection is closed: %s', async (reason) => {
    const client = await requestAt('body');
    stage.end(reason);
    const { status, head, code } = await client.reply();
    expect([status, code]).toEqual([401, 'invalid_api_key']);
    expect(head).toContain('connection: close');
    await once(client.socket, 'end');
  });

  it('is answered at once also where that is heard in the moment in which the key is identified', async () => {
    for (let microtasks = 0; microtasks < 20; microtasks++) {
      const client = await requestAt('look-up', false, 10);
      stage.gates['look-up'].open();
      for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
      stage.end('revoked');
      expect((await client.reply()).code, `after ${microtasks} microtasks`).toBe('invalid_api_key');
      stage.stop();
    }
  });

  it('is no beginning of another request, nor is what follows it on its connection', async () => {
    const client = await requestAt('body');
    stage.end('revoked');
    await client.reply();
    stage.committed = { ...stage.active(null), version: 3 };
    stage.changes.changed(stage.committed);
    client.send(BODY.slice(10));
    client.begin(BODY.length);
    await once(client.socket, 'end');
    expect(client.received).toBe('');
    expect(stage.sent).toEqual([]);
    expect(stage.inFlight.size).toBe(0);
  });

  it('of another key is read on', async () => {
    const client = await requestAt('body');
    stage.changes.changed({ ...stage.dead('leaked'), apiKeyId: 'other', digests: ['cd'.repeat(32)] });
    client.send(BODY.slice(10));
    expect((await client.reply()).status).toBe(200);
  });

  it('of another secret of the key is read on', async () => {
    const client = await requestAt('body', false, 10, true);
    stage.changes.changed({ ...stage.deadSecret('leaked'), digests: [NEW_DIGEST], secretId: 'new' });
    client.send(BODY.slice(10));
    expect((await client.reply()).status).toBe(200);
  });

  it('leaves the connection to the next request where all of it is there', async () => {
    const client = await requestAt('look-up');
    stage.end('revoked');
    stage.gates['look-up'].open();
    expect((await client.reply()).head).toContain('connection: keep-alive');
    client.begin(BODY.length);
    expect((await client.reply()).code).toBe('invalid_api_key');
  });
});

describe('a request that a provider was sent', () => {
  it.each([
    ['is revoked', (on: RequestStage) => on.end('revoked')],
    ['is deleted', (on: RequestStage) => on.end('deleted')],
    ['is disabled', (on: RequestStage) => on.end('disabled')],
    ['expires', (on: RequestStage) => on.passTime(LIFE_MS)],
  ])('finishes when its key %s, and is ended when that is reported as leaked afterwards', async (_, happen) => {
    for (const leaks of [false, true]) {
      const client = await requestAt('first provider', true);
      happen(stage);
      if (leaks) stage.end('leaked', 3);
      else stage.gates['first provider'].open();
      expect((await client.reply()).status).toBe(leaks ? 401 : 200);
      expect(stage.finals.map(({ outcome }) => outcome)).toEqual([leaks ? 'revoked' : 'completed']);
      stage.stop();
    }
  });
});

describe('a call of a leaked key', () => {
  it.each([
    ['was missed in a gap', (on: RequestStage) => on.changes.gap()],
    ['cannot be read', (on: RequestStage) => on.changes.forget([DIGEST])],
  ])('is ended also where its tombstone %s', async (_, miss) => {
    const client = await requestAt('first provider');
    stage.committed = stage.dead('leaked');
    miss(stage);
    expect((await client.reply()).code).toBe('invalid_api_key');
  });
});

describe('an expired key', () => {
  it('stays expired whatever the wall clock does, and whatever is forgotten of it', async () => {
    const client = await requestAt('body', true);
    stage.passTime(0, LIFE_MS);
    expect((await client.reply()).code).toBe('expired_api_key');
    const { changes } = stage;
    for (const forget of [
      () => undefined,
      () => changes.forget([DIGEST]),
      () => changes.gap(),
      () => changes.changed(stage.committed),
    ]) {
      stage.passTime(0, -HOUR_MS);
      forget();
      const next = await stage.anotherClient();
      next.begin(BODY.length);
      expect((await next.reply()).code).toBe('expired_api_key');
    }
  });

  it('stays so, too, where it was its subscription that has ended', async () => {
    stage = new RequestStage(null, true);
    const { expiresAtMs } = stage.committed as ActiveSnapshot;
    stage.committed = stage.subscribed(expiresAtMs!, 1);
    const ask = async (): Promise<string | undefined> => {
      const next = await stage.anotherClient();
      next.begin(BODY.length);
      return (await next.reply()).code;
    };
    expect(await ask()).toBeUndefined();
    stage.passTime(0, LIFE_MS);
    expect(await ask()).toBe('subscription_expired');
    for (const forget of [() => undefined, () => stage.changes.gap()]) {
      stage.passTime(0, -HOUR_MS);
      forget();
      expect(await ask()).toBe('subscription_expired');
    }
  });

  it('lives again where its expiry was moved', async () => {
    const client = await requestAt('body', true);
    stage.passTime(LIFE_MS);
    await client.reply();
    stage.committed = { ...stage.active(null), version: 2 };
    stage.changes.changed(stage.committed);
    const next = await stage.anotherClient();
    next.begin(BODY.length);
    expect((await next.reply()).status).toBe(200);
  });
});
