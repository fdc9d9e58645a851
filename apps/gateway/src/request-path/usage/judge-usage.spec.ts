import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeUsage } from './judge-usage.js';
import { mergeReports, NO_DETAILS, toolOfType, usageClasses, type UsageReport } from '@tollgate/usage';

type Row = readonly [
  what: string,
  report: readonly [number | null, number | null, number?, number?] | null,
  counted: readonly [number, number],
  early: boolean,
  charged: readonly [number, number, number, number],
  source: 'provider' | 'counted',
];

const ROWS: readonly Row[] = [
  ['a whole report', [100, 50, 90, 20], [80, 70], false, [100, 50, 90, 20], 'provider'],
  ['no report', null, [80, 70], false, [80, 70, 0, 0], 'counted'],
  ['zeros beside text', [0, 0], [80, 70], false, [80, 70, 0, 0], 'counted'],
  ['no output beside text', [100, 0, 90], [80, 70], false, [100, 70, 90, 0], 'counted'],
  ['no output, and no text', [100, 0], [80, 0], false, [100, 0, 0, 0], 'provider'],
  ['output that is not told', [100, null], [80, 70], false, [100, 70, 0, 0], 'counted'],
  ['output that is not told, and no text', [100, null], [80, 0], false, [100, 0, 0, 0], 'counted'],
  ['no input', [0, 50], [80, 70], false, [80, 50, 0, 0], 'counted'],
  ['input that is not told', [null, 50, 0, 20], [80, 70], false, [80, 50, 0, 20], 'counted'],
  [
    'a report before the last text, of less than was delivered',
    [100, 5, 90, 2],
    [80, 70],
    true,
    [100, 70, 90, 2],
    'counted',
  ],
  ['a report before the last text, of more than was delivered', [100, 90], [80, 70], true, [100, 90, 0, 0], 'provider'],
  ['a report whose output is larger than what was seen', [100, 900], [80, 7], false, [100, 900, 0, 0], 'provider'],
];

describe('the usage that is charged', () => {
  it.each(ROWS)(
    'after %s is what the provider said, or our count',
    (_what, report, [inputTokens, outputTokens], early, charged, source) => {
      const reported = report && {
        inputTokens: report[0],
        outputTokens: report[1],
        cachedInputTokens: report[2] ?? 0,
        reasoningTokens: report[3] ?? 0,
      };
      const { usage, usageSource } = judgeUsage(reported, { inputTokens, outputTokens }, early);
      expect([usage.inputTokens, usage.outputTokens, usage.cachedInputTokens, usage.reasoningTokens]).toEqual(charged);
      expect(usageSource).toBe(source);
    },
  );

  it.each([
    ['a count above the ceiling', null, 70, false, 20, [20, 'counted']],
    ['a count below the ceiling', null, 7, false, 20, [7, 'counted']],
    ['a count without a ceiling', null, 70, false, 0, [70, 'counted']],
    ['zeros beside more text than the ceiling', 0, 70, false, 20, [20, 'counted']],
    ['a stream that broke off beyond the ceiling', null, 70, true, 20, [70, 'counted']],
    ['a report above the ceiling, which is the provider’s word', 30, 70, false, 20, [30, 'provider']],
  ] as const)(
    'with %s counts no more than was asked for, or what was delivered',
    (_what, outputTokens, seen, early, named, expected) => {
      const report =
        outputTokens === null ? null : { inputTokens: 9, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 };
      const counted = { inputTokens: 9, outputTokens: seen };
      const { usage, usageSource } = judgeUsage(report, counted, early, { namedOutputTokens: named });
      expect([usage.outputTokens, usageSource]).toEqual(expected);
    },
  );

  it('keeps the parts of a side that is believed, the passes and the calls of tools', () => {
    const pass = {
      kind: 'compaction',
      model: null,
      usage: { inputTokens: 5, outputTokens: 1, cachedInputTokens: 0, reasoningTokens: 0 },
    };
    const details = {
      ...NO_DETAILS,
      cacheWrite5mTokens: 30,
      audioOutputTokens: 40,
      toolCalls: { web_search: 2 },
      passes: [pass],
      serviceTier: 'priority',
    };
    const report = { inputTokens: 100, outputTokens: 50, cachedInputTokens: 20, reasoningTokens: 0, details };
    const counted = { inputTokens: 80, outputTokens: 70 };
    expect(judgeUsage(report, counted, false).usage.details).toEqual(details);
    // Our count of the input has no parts, and one of the output is cut to what was delivered.
    const { usage } = judgeUsage({ ...report, inputTokens: 0, outputTokens: 0 }, counted, false);
    expect(usage.details).toEqual({ ...details, cacheWrite5mTokens: 0 });
    expect(usageClasses(usage)).toMatchObject({ textInputTokens: 80, audioOutputTokens: 40, textOutputTokens: 30 });
    const little = judgeUsage({ ...report, outputTokens: 0 }, { inputTokens: 80, outputTokens: 10 }, false).usage;
    expect(usageClasses(little)).toMatchObject({ audioOutputTokens: 10, textOutputTokens: 0 });
  });

  it('counts as served as it was asked for until the provider says how', () => {
    const modes = { serviceTier: 'priority', speed: 'fast', inferenceGeo: 'us' };
    const servedBy = (report: UsageReport | null, early: boolean) => {
      const { serviceTier, speed, inferenceGeo } =
        judgeUsage(report, { inputTokens: 8, outputTokens: 7 }, early, { modes }).usage.details ?? NO_DETAILS;
      return [serviceTier, speed, inferenceGeo];
    };
    const plain = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 };
    expect(servedBy(null, true)).toEqual(['priority', 'fast', 'us']);
    expect(servedBy(null, false)).toEqual(['priority', 'fast', 'us']);
    // Calls of tools were counted, and no report has come.
    const ofTools = {
      ...plain,
      inputTokens: null,
      outputTokens: null,
      details: { ...NO_DETAILS, toolCalls: { shell: 1 } },
    };
    expect(servedBy(ofTools, true)).toEqual(['priority', 'fast', 'us']);
    // The first report of Anthropic names the tier, but perhaps not the rest.
    expect(servedBy(plain, true)).toEqual([null, 'fast', 'us']);
    expect(servedBy(plain, false)).toEqual([null, null, null]);
    expect(servedBy({ ...plain, details: { ...NO_DETAILS, serviceTier: 'flex' } }, true)).toEqual([
      'flex',
      'fast',
      'us',
    ]);
    const usual = { serviceTier: 'default', speed: 'standard', inferenceGeo: 'global' };
    const counted = { inputTokens: 1, outputTokens: 1 };
    expect(judgeUsage(null, counted, true, { modes: usual }).usage).not.toHaveProperty('details');
    const odd = { serviceTier: 'a\u0000b', speed: '{}', inferenceGeo: null };
    expect(judgeUsage(null, counted, true, { modes: odd }).usage).not.toHaveProperty('details');
  });

  it('has one call of a tool that is called for each answer, unless more are reported', () => {
    const impliedTool = toolOfType('web_search');
    const callsOf = (toolCalls: Record<string, number>, outputTokens = 5) => {
      const report = { inputTokens: 9, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 };
      const counted = { inputTokens: 9, outputTokens };
      const details = { ...NO_DETAILS, toolCalls };
      return judgeUsage({ ...report, details }, counted, false, { impliedTool }).usage.details?.toolCalls;
    };
    expect(callsOf({})).toEqual({ web_search: 1 });
    expect(callsOf({ web_search: 3, shell: 1 })).toEqual({ web_search: 3, shell: 1 });
    expect(callsOf({}, 0)).toEqual({});
  });

  it('is a whole number on each side, with parts that are no larger', () => {
    fc.assert(
      fc.property(anyReport, anyCount, fc.boolean(), (report, counted, early) => {
        const { usage } = judgeUsage(report, counted, early);
        for (const tokens of Object.values(usage)) expect(Number.isInteger(tokens) && tokens >= 0).toBe(true);
        expect(usage.cachedInputTokens).toBeLessThanOrEqual(usage.inputTokens);
        expect(usage.reasoningTokens).toBeLessThanOrEqual(usage.outputTokens);
      }),
    );
  });

  it('is never less than what was reported, and never nothing for what was delivered', () => {
    fc.assert(
      fc.property(anyReport, anyCount, fc.boolean(), (report, counted, early) => {
        const { usage } = judgeUsage(report, counted, early);
        expect(usage.inputTokens).toBeGreaterThanOrEqual(report?.inputTokens ?? 0);
        expect(usage.outputTokens).toBeGreaterThanOrEqual(report?.outputTokens ?? 0);
        if (counted.inputTokens > 0) expect(usage.inputTokens).toBeGreaterThan(0);
        if (counted.outputTokens > 0) expect(usage.outputTokens).toBeGreaterThan(0);
        if (early) expect(usage.outputTokens).toBeGreaterThanOrEqual(counted.outputTokens);
      }),
    );
  });

  it('is not lowered by a later report', () => {
    fc.assert(
      fc.property(anyReport, anyReport, anyCount, fc.boolean(), (earlier, later, counted, early) => {
        const { usage } = judgeUsage(mergeReports(earlier, later), counted, early);
        expect(usage.outputTokens).toBeGreaterThanOrEqual(earlier?.outputTokens ?? 0);
        expect(usage.inputTokens).toBeGreaterThanOrEqual(earlier?.inputTokens ?? 0);
      }),
    );
  });

  it('stays as it is when it is judged again', () => {
    fc.assert(
      fc.property(anyReport, anyCount, fc.boolean(), (report, counted, early) => {
        const { usage } = judgeUsage(report, counted, early);
        expect(judgeUsage(usage, counted, early).usage).toEqual(usage);
      }),
    );
  });
});

const tokens = fc.oneof(fc.nat(5), fc.nat(1_000_000));
const anyCount = fc.record({ inputTokens: tokens, outputTokens: tokens });
const anyReport: fc.Arbitrary<UsageReport | null> = fc.option(
  fc
    .tuple(fc.option(tokens), fc.option(tokens), tokens, tokens)
    .map(([inputTokens, outputTokens, cached, reasoning]) => ({
      inputTokens,
      outputTokens,
      cachedInputTokens: Math.min(cached, inputTokens ?? 0),
      reasoningTokens: Math.min(reasoning, outputTokens ?? 0),
    })),
);
