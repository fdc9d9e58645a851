import { afterAll, beforeAll, describe, it } from 'vitest';
import { clientsLeaveQuirks } from './quirks/clients-leave.js';
import { completionQuirks } from './quirks/completions.js';
import { compressionQuirks } from './quirks/compressions.js';
import { eventStreamQuirks } from './quirks/event-streams.js';
import { injectedFieldQuirks } from './quirks/injected-fields.js';
import { judgeQuirk } from './quirks/judge-quirk.js';
import { ownCountQuirks } from './quirks/own-counts.js';
import { playQuirk } from './quirks/play-quirk.js';
import type { Quirk } from './quirks/quirk.js';
import { QuirkStage } from './quirks/quirk-stage.js';
import { requestQuirks } from './quirks/requests.js';
import { streamEndQuirks } from './quirks/stream-ends.js';
import { timeOutQuirks } from './quirks/time-outs.js';
import { usageReportQuirks } from './quirks/usage-reports.js';

const kinds: readonly (readonly [kind: string, quirks: readonly Quirk[]])[] = [
  ['completions', completionQuirks],
  ['event streams', eventStreamQuirks],
  ['ends of streams', streamEndQuirks],
  ['usage reports', usageReportQuirks],
  ['our own count', ownCountQuirks],
  ['compression', compressionQuirks],
  ['injected fields', injectedFieldQuirks],
  ['clients that leave', clientsLeaveQuirks],
  ['time-outs and framing', timeOutQuirks],
  ['requests', requestQuirks],
];

/** What providers and clients were seen to do, a row each, over a provider that sends what it is told byte by byte. */
describe('quirks', () => {
  let stage: QuirkStage;
  beforeAll(async () => {
    stage = await QuirkStage.start(kinds.flatMap(([, quirks]) => quirks));
  });
  afterAll(async () => {
    await stage?.stop();
  });

  describe.concurrent.each(kinds)('of %s', (_kind, quirks) => {
    for (const quirk of quirks) it.concurrent(quirk.name, async () => judgeQuirk(quirk, await playQuirk(stage, quirk)));
  });
});
