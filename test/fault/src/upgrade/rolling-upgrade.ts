import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load, type CallRecord } from '../load.js';
import { UPGRADE_ORDER, type Fleet, type Pod, type Release } from './fleet.js';

/** How the processes of a release are taken away. */
export interface Retirement {
  /**
   * Milliseconds between taking a process out of its balancer and its SIGTERM, as a `preStop` hook waits; null: the
   * balancer learns of the stop by `/readyz` alone.
   */
  readonly takenOutMs: number | null;
  /** Closes what only the former release used, when its last process is gone. */
  readonly close?: () => Promise<void>;
}

/** How many calls are made beside the replacement of each process, at least. */
const CALLS_BETWEEN = 40;

/**
 * Replaces each process of a fleet by one of another release, one by one and under load. No call may be refused or
 * broken, no usage be lost or booked twice, no cap be passed, and a key that is revoked meanwhile must be dead at
 * every gateway when the revoke is answered. Returns the figures.
 */
export async function replaceAll(
  fleet: Fleet,
  release: Release,
  { takenOutMs, close }: Retirement,
): Promise<Record<string, number>> {
  const shape = fleet.asShape();
  const keys = await keysOfAllKinds(shape);
  const caps = watchCaps(shape, keys);
  const load = new Load(shape, { keys, workers: 12 });
  await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
  for (const app of UPGRADE_ORDER)
    for (const old of fleet.podsOf(app)) {
      // A gateway of a StatefulSet goes before the one that takes its place; a Deployment has the new one first.
      if (app !== 'gateway') await fleet.add(app, release);
      if (takenOutMs !== null) {
        fleet.takeOut(old);
        await delay(takenOutMs);
      }
      expect(await fleet.retire(old), `${old.process.name} must end by itself`).toEqual({ code: 0, signal: null });
      if (app === 'gateway') await fleet.add(app, release);
      await load.untilFurther(CALLS_BETWEEN, `after the replacement of ${old.process.name}`);
      await expectRevokedDead(fleet);
    }
  await close?.();
  await load.untilFurther(CALLS_BETWEEN, 'after the last process of the release before is gone');
  const records = await load.stop();
  expectAllServed(records);
  return expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
}

/** Makes a key, sees it served by every gateway, revokes it, and asks every gateway at once. */
export async function expectRevokedDead(fleet: Fleet): Promise<void> {
  const shape = fleet.asShape();
  const key = await shape.client().createKey();
  const asked = (pod: Pod) => fleet.clientOf(pod).chat(key.secret, { model: 'no-such-model' });
  for (const { status, text } of await Promise.all(fleet.podsOf('gateway').map(asked)))
    expect(status, `a living key was answered ${text}`).toBe(404);
  const revoked = await shape.client().admin('POST', `/v1/api-keys/${key.id}/revoke`);
  expect(revoked.status, revoked.text).toBe(200);
  const answers = await Promise.all(fleet.podsOf('gateway').map(asked));
  expect(
    answers.map(({ status }) => status),
    'what gateways answer a key whose revoke was answered',
  ).toEqual(answers.map(() => 401));
}

/** Every call was answered to its end: by the model, or by 402 where its credit had ended. */
function expectAllServed(records: readonly CallRecord[]): void {
  const failed = records.filter(({ status, whole }) => !(status === 402 || (status === 200 && whole)));
  expect(
    failed.map(({ status, code, whole, requestId, endedAt }) => ({ status, code, whole, requestId, endedAt })),
    `calls that were refused or broken, of ${records.length}`,
  ).toEqual([]);
}
