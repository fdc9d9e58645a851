import { setTimeout as delay } from 'node:timers/promises';
import { startKafka } from '@tollgate/infra';
import type { DistributedApp } from '@tollgate/journey';
import { afterEach, describe, expect, it } from 'vitest';
import { expectInvariants, watchCaps } from './invariants.js';
import { keysOfAllKinds, Load, type CallRecord } from './load.js';
import { tellMeasured } from './measured.js';
import { chanceOf, reportFaults } from './stage.js';
import { Fleet, formerRelease, presentRelease } from './upgrade/fleet.js';
import { expectRevokedDead, replaceAll } from './upgrade/rolling-upgrade.js';
import { formerReleaseFolder, killingMs } from './upgrade/upgrade-options.js';

/** Long enough for a balancer to ask `/readyz`, and shorter than in production. */
const STOP_WINDOW = { TOLLGATE_STOP_WINDOW_SECONDS: '4' };
/** As a `preStop` hook waits. */
const TAKEN_OUT_MS = 3_000;
const KILLED_EVERY_MS = 10_000;

describe('a fleet of three gateways and two of each other service', () => {
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
  });
  reportFaults(() => (fleet === undefined ? undefined : { shape: { processes: fleet.processes } }));

  // `npm test` has no former release, and takes a test that is skipped for a failure.
  const fromFormer = formerReleaseFolder;
  if (fromFormer !== undefined)
    it(
      'is upgraded from a former release process by process: no call is refused, no event lost',
      { timeout: 900_000 },
      async () => {
        const kafka = await startKafka({ plainListener: true });
        try {
          const release = formerRelease(fromFormer, kafka.plainBrokers!);
          fleet = await Fleet.start({ release, servers: { kafka, plainKafkaClients: true } });
          const close = () => fleet!.closePlainKafka(kafka);
          const figures = await replaceAll(fleet, presentRelease, { takenOutMs: TAKEN_OUT_MS, close });
          tellMeasured('a rolling upgrade from a former release', figures);
          await fleet.stop();
        } finally {
          await kafka.stop();
        }
      },
    );

  it(
    'is replaced by itself process by process, by SIGTERM alone: no call is refused, no event lost',
    { timeout: 600_000 },
    async () => {
      fleet = await Fleet.start({ release: presentRelease, environment: STOP_WINDOW });
      const figures = await replaceAll(fleet, presentRelease, { takenOutMs: null });
      tellMeasured('a rolling upgrade from this release to itself', figures);
    },
  );

  it(
    'loses a random process by SIGKILL again and again: callers see only connections of that one break, and the books are right',
    { timeout: 600_000 },
    async () => {
      fleet = await Fleet.start({ release: presentRelease, environment: { GATEWAY_GONE_AFTER_MS: '5000' } });
      const shape = fleet.asShape();
      const chance = chanceOf('random kills');
      const keys = await keysOfAllKinds(shape);
      const caps = watchCaps(shape, keys);
      const load = new Load(shape, { keys, workers: 12 });
      await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
      const kills: Kill[] = [];
      const until = performance.now() + killingMs;
      while (performance.now() < until) {
        const next = performance.now() + KILLED_EVERY_MS;
        const pod = fleet.pods[chance.between(0, fleet.pods.length - 1)]!;
        const from = performance.now();
        await fleet.kill(pod);
        kills.push({ app: pod.app, from, until: performance.now() });
        await fleet.add(pod.app, presentRelease);
        await delay(Math.max(0, next - performance.now()));
      }
      await expectRevokedDead(fleet);
      const records = await load.stop();
      const killed = kills.map(({ app }) => app).join(', ');
      expect(records.filter(isRefused).map(told), `calls that were refused; killed: ${killed}`).toEqual([]);
      const broken = records.filter(({ status, whole }) => status !== 402 && !whole);
      const ofGateways = kills.filter(({ app }) => app === 'gateway');
      expect(
        broken.filter((record) => !ofGateways.some((kill) => wasUnderWay(record, kill))).map(told),
        `calls that broke while no gateway was killed; killed: ${killed}`,
      ).toEqual([]);
      const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
      tellMeasured('random kills', { killed, 'broken connections': broken.length, ...figures });
    },
  );
});

/** A process that was killed, and between which moments it died, by `performance.now()`. */
interface Kill {
  readonly app: DistributedApp;
  readonly from: number;
  readonly until: number;
}

/** Of a call whose gateway is killed the balancer answers 502, before the head, or its connection breaks. */
const isRefused = ({ status }: CallRecord): boolean =>
  status !== null && status !== 200 && status !== 402 && status !== 502;

const wasUnderWay = ({ startedAt, endedAt }: CallRecord, { from, until }: Kill): boolean =>
  startedAt <= until && endedAt >= from;

const told = ({ status, code, whole, requestId, startedAt, endedAt }: CallRecord) => ({
  status,
  code,
  whole,
  requestId,
  from: Math.round(startedAt),
  until: Math.round(endedAt),
});
