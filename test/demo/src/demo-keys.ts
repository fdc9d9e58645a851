/** A model of `deploy/docker/demo.yaml`. Its prices are in micro-USD for a million tokens; a test compares them. */
export interface DemoModel {
  readonly name: string;
  readonly provider: string;
  readonly inputMicroUsd: bigint;
  readonly outputMicroUsd: bigint;
}

export const MODELS = {
  'gpt-4o-mini': { name: 'gpt-4o-mini', provider: 'openai', inputMicroUsd: 150_000n, outputMicroUsd: 600_000n },
  'gpt-4.1': { name: 'gpt-4.1', provider: 'openai', inputMicroUsd: 2_000_000n, outputMicroUsd: 8_000_000n },
  'claude-haiku-4-5': {
    name: 'claude-haiku-4-5',
    provider: 'anthropic',
    inputMicroUsd: 1_000_000n,
    outputMicroUsd: 5_000_000n,
  },
} as const satisfies Record<string, DemoModel>;

/** What a key of the demonstration is called, and how it is used. */
export interface DemoKey {
  readonly name: string;
  readonly models: readonly (keyof typeof MODELS)[];
  /** On a working day, on average. */
  readonly callsOfADay: number;
  /** What part of them there is on a day of the weekend. */
  readonly weekendShare: number;
  /** Of a call, on average. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly streams: boolean;
}

export const DEMO_KEYS: readonly DemoKey[] = [
  {
    name: 'demo: support chat',
    models: ['gpt-4o-mini', 'claude-haiku-4-5'],
    callsOfADay: 120,
    weekendShare: 0.5,
    inputTokens: 900,
    outputTokens: 250,
    streams: true,
  },
  {
    name: 'demo: document search',
    models: ['gpt-4o-mini'],
    callsOfADay: 80,
    weekendShare: 0.2,
    inputTokens: 4_000,
    outputTokens: 120,
    streams: false,
  },
  {
    name: 'demo: code review',
    models: ['gpt-4.1'],
    callsOfADay: 40,
    weekendShare: 0,
    inputTokens: 12_000,
    outputTokens: 900,
    streams: true,
  },
  {
    name: 'demo: nightly reports',
    models: ['gpt-4.1', 'claude-haiku-4-5'],
    callsOfADay: 15,
    weekendShare: 1,
    inputTokens: 30_000,
    outputTokens: 2_000,
    streams: false,
  },
];
