import { Secret } from '@tollgate/api-key';
import type { Provider } from '@tollgate/config';
import { describe, expect, it } from 'vitest';
import { planSimulation, type SimulationFacts } from './simulation-plan.js';

const provider = (name: string, rest: Partial<Provider> = {}): Provider => ({
  name,
  type: 'openai',
  baseUrl: 'https://host/v1',
  apiVersion: null,
  credential: null,
  credentialVariable: null,
  allowPrivateNetwork: false,
  timeoutMs: 1,
  connectionsMax: 1,
  firstByteTimeoutMs: 1,
  ceilingField: 'max_tokens',
  streamOptions: true,
  endAtHold: false,
  allowFields: [],
  ...rest,
});
/** Three kinds of provider: its credential is set, its credential is missing, or it needs none. */
const real = (name: string) => provider(name, { credentialVariable: `${name}_KEY`, credential: new Secret('x') });
const missing = (name: string) => provider(name, { credentialVariable: `${name}_KEY` });
const keyless = (name: string) => provider(name);

const plan = async (
  providers: readonly Provider[],
  facts: Partial<Omit<SimulationFacts, 'usedForReal'>> & { used?: boolean } = {},
) => {
  const { used = false, ...rest } = facts;
  const {
    providers: planned,
    simulated,
    problem,
  } = await planSimulation({
    providers,
    setting: undefined,
    simulatedBefore: false,
    usedForReal: () => Promise.resolve(used),
    ...rest,
  });
  return { simulated, problem, standIns: planned.map(({ standIn }) => standIn ?? 'itself') };
};

describe('the simulator', () => {
  it.each([
    ['one whose credential is missing', [missing('A')], ['A']],
    ['two whose credentials are missing', [missing('A'), missing('B')], ['A', 'B']],
    ['one that is set up', [real('A')], []],
    ['one that needs no credential', [keyless('A')], []],
    ['one that is set up beside one whose credential is missing', [real('A'), missing('B')], []],
    ['one that needs no credential beside one whose credential is missing', [keyless('A'), missing('B')], []],
  ])('left to itself, answers where nothing real is configured: for %s', async (_what, providers, simulated) => {
    expect((await plan(providers)).simulated).toEqual(simulated);
  });

  it('answers for all with on, and for none with off', async () => {
    const all = [real('A'), missing('B'), keyless('C')];
    expect(await plan(all, { setting: 'on' })).toEqual({
      simulated: ['A', 'B', 'C'],
      problem: null,
      standIns: ['simulator', 'simulator', 'simulator'],
    });
    expect(await plan(all, { setting: 'off', simulatedBefore: true })).toMatchObject({
      simulated: [],
      standIns: ['itself', 'itself', 'itself'],
    });
    expect((await plan([missing('A')], { setting: 'off' })).simulated).toEqual([]);
  });

  it('neither comes nor goes because a provider without a credential was added', async () => {
    for (const added of [missing('B'), keyless('B')]) {
      expect((await plan([real('A'), added])).simulated, 'it did not come').toEqual([]);
      expect((await plan([keyless('A'), added])).simulated, 'it did not come').toEqual([]);
      expect((await plan([missing('A'), added], { simulatedBefore: true })).simulated, 'it did not go').toContain('A');
    }
    expect(await plan([missing('A'), keyless('B')], { simulatedBefore: true })).toMatchObject({
      standIns: ['simulator', 'itself'],
    });
  });

  it('goes when a credential is there', async () => {
    expect(await plan([real('A')], { simulatedBefore: true })).toEqual({
      simulated: [],
      problem: null,
      standIns: ['itself'],
    });
    expect((await plan([real('A'), missing('B')], { simulatedBefore: true })).simulated).toEqual([]);
  });

  it('never answers for keys that were used with a real provider, and says which variable is missing', async () => {
    const left = await plan([missing('A'), missing('B')], { used: true });
    expect(left).toMatchObject({ simulated: [], standIns: ['nobody', 'nobody'] });
    expect(left.problem).toContain('A_KEY is not set');
    expect(left.problem).toContain('B_KEY is not set');
    expect(left.problem).toContain('used with a real provider');
    const asked = await plan([real('A'), keyless('B')], { used: true, setting: 'on' });
    expect(asked).toMatchObject({ simulated: [], standIns: ['nobody', 'nobody'] });
    expect(asked.problem).toContain('TOLLGATE_SIMULATOR');
  });
});

describe('a provider whose credential is missing', () => {
  it('is named with the variable, in one line', async () => {
    const { problem } = await plan([real('A'), missing('B'), missing('C')]);
    expect(problem).toContain(
      'provider B has no credential: B_KEY is not set; provider C has no credential: C_KEY is not set',
    );
    expect(problem).not.toContain('\n');
    expect((await plan([real('A'), keyless('B')])).problem).toBeNull();
  });
});
