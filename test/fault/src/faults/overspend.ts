import { setTimeout as delay } from 'node:timers/promises';
import {
  chatBody,
  holdNanoUsd,
  nanoUsd,
  usd,
  type ChatFields,
  type CreatedKey,
  type DistributedShape,
} from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { Chance } from '../chance.js';
import { accountOf, balancesAtRest, balancesOf, watchCaps, type Balance } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import { faultOptions } from '../run-options.js';
import { chanceOf, rounds, type ShapeOf } from '../stage.js';

/** Streams that ask for credit at once; fewer in `npm test`, which has one round. */
const STREAMS = faultOptions.rounds > 1 ? 1_000 : 300;
/** A stream lasts about a second, so that a kill falls into most of them. */
const fields: ChatFields = {
  stream: true,
  max_tokens: 400,
  simulator: { prompt_tokens: 40, completion_tokens: 60, chunks: 20, chunk_interval_ms: 50 },
};
/** How often a stream that met a process which had been killed asks again. */
const ATTEMPTS_MAX = 40;
const ATTEMPT_PAUSE_MS = 250;
/** How long both books may take to agree after a call, and how often that is tried. */
const REST_MS = 10_000;
const REST_ATTEMPTS_MAX = 9;

/** What may be killed in a round, with the way to have it back. */
const victims = (shape: DistributedShape): readonly (readonly [name: string, kill: () => Promise<void>])[] => [
  ...shape.gateways.map(({ process }, number) => {
    const kill = async (): Promise<void> => {
      await process.kill();
      await process.startAgain();
    };
    return [`gateway ${number}`, kill] as const;
  }),
  [
    'usage-billing',
    async () => {
      await shape.usageBilling.kill();
      await shape.usageBilling.startAgain();
    },
  ],
  [
    'key-management',
    async () => {
      await shape.keyManagement.kill();
      await shape.keyManagement.startAgain();
    },
  ],
  ['Redis, which begins empty', () => shape.redis.restart()],
];

/** What an account has beyond its cap, in either book. */
function beyond(cap: bigint, { ledgerPosted, admissionPosted, held }: Balance): bigint {
  const taken = (admissionPosted ?? 0n) + held;
  const most = taken > ledgerPosted ? taken : ledgerPosted;
  return most > cap ? most - cap : 0n;
}

/**
 * The overspend bench: a thousand streams at once, with credit for some of them, at three gateways, while processes are
 * killed at random.
 */
export function overspend(shapeOf: ShapeOf): void {
  it(`overspend: of ${STREAMS} streams in parallel with credit for some, none is served beyond the limit, whatever process is killed`, async () => {
    const shape = shapeOf();
    const chance = chanceOf('overspend');
    const keys: CreatedKey[] = [];
    let overspentNanoUsd = 0n;
    let served = 0;
    let killed: string[] = [];
    for (const round of rounds()) {
      const fitting = chance.between(STREAMS / 20, STREAMS / 2);
      const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(fields)), fields.max_tokens!);
      const key = await shape.client().createKey({ credit_limit_usd: usd(hold * BigInt(fitting)) });
      keys.push(key);
      const caps = watchCaps(shape, keys);
      const streams = Promise.all(Array.from({ length: STREAMS }, (_, number) => untilAnswered(shape, key, number)));
      await delay(chance.between(100, 1_500));
      killed = await killSome(shape, chance, round);
      const statuses = await streams;
      served += statuses.filter((status) => status === 200).length;
      const { past } = await caps.stop();
      const [balance] = await atRest(shape, key);
      const cap = nanoUsd(key.credit_limit_usd!);
      if (balance !== undefined) overspentNanoUsd += beyond(cap, balance);
      expect([past, overspentNanoUsd], `round ${round}, in which ${killed.join(' and ')} was killed`).toEqual([[], 0n]);
    }
    // What was charged long ago is looked at once more, now that all that came late is booked.
    for (const key of keys) {
      const balance = (await balancesOf(shape)).find(({ accountId }) => accountId === accountOf(key));
      if (balance !== undefined) overspentNanoUsd += beyond(nanoUsd(key.credit_limit_usd!), balance);
    }
    expect(overspentNanoUsd).toBe(0n);
    const inUsd = `${overspentNanoUsd / 1_000_000_000n}.${String(overspentNanoUsd % 1_000_000_000n).padStart(9, '0')}`;
    tellMeasured(`overspend in ${rounds().length} rounds of ${STREAMS} streams at ${shape.gateways.length} gateways`, {
      overspend: `${inUsd} USD`,
      'streams served': served,
      'killed last': killed.join(' and '),
    });
  });
}

/**
 * Waits until both books agree. A final that comes late closes the epoch, and only a call opens the next one, so one is
 * made before each look.
 */
async function atRest(shape: DistributedShape, key: CreatedKey): Promise<Balance[]> {
  for (let attempt = 1; ; attempt++) {
    await untilAnswered(shape, key, attempt);
    try {
      return await balancesAtRest(shape, [key], REST_MS);
    } catch (error) {
      if (attempt === REST_ATTEMPTS_MAX) throw error;
    }
  }
}

/** Kills one or two processes, so that each is killed in some round, and has them back. */
async function killSome(shape: DistributedShape, chance: Chance, round: number): Promise<string[]> {
  const all = victims(shape);
  const first = all[round % all.length]!;
  const second = all[chance.between(0, all.length - 1)]!;
  const chosen = first === second ? [first] : [first, second];
  for (const [, kill] of chosen) await kill();
  return chosen.map(([name]) => name);
}

/** Asks until a gateway decides: 200 with the stream read to whatever end it has, or a refusal for credit. */
async function untilAnswered(shape: DistributedShape, key: CreatedKey, number: number): Promise<number | null> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      const reply = await shape.client((number + attempt) % shape.gateways.length).openChat(key.secret, fields);
      await reply.ended;
      if (reply.status === 200 || reply.status === 402) return reply.status;
    } catch {
      // The gateway was killed: another one is asked.
    }
    await delay(ATTEMPT_PAUSE_MS);
  }
  return null;
}
