import { chatBody } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { HalfSentCall } from '../half-sent-call.js';
import { tellMeasured } from '../measured.js';

const connections = 20;

/** What ends a key, from outside. */
const ends: Record<string, (stage: AttackStage, key: { id: string; secret: string }) => Promise<void>> = {
  revoked: async ({ shape }, { id }) => {
    expect((await shape.client().admin('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(200);
  },
  deleted: async ({ shape }, { id }) => {
    expect((await shape.client().admin('DELETE', `/v1/api-keys/${id}`)).status).toBe(200);
  },
  'revoked, and then found by GitHub': async ({ shape }, { id, secret }) => {
    expect((await shape.client().admin('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(200);
    const body = JSON.stringify([
      { token: secret, type: 'tollgate_api_key', url: 'https://github.com/octocat/hello', source: 'commit' },
    ]);
    const headers = { 'content-type': 'application/json', ...shape.github.sign(body) };
    expect(
      (await shape.client().call({ method: 'POST', path: '/webhooks/github/secret-scanning', headers, body })).status,
    ).toBe(200);
  },
};

/** A thief opens connections beforehand, and sends the rest of his calls when the key is dead. */
export function deadKeys(stageOf: () => AttackStage): void {
  it.each(Object.keys(ends))('a key that is %s serves no call whose body was still on its way', async (end) => {
    const stage = stageOf();
    const { shape } = stage;
    const key = await shape.client().createKey();
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    const asked = shape.simulator.log().length;
    const calls = await Promise.all(
      Array.from({ length: connections }, (_, number) =>
        HalfSentCall.send(shape.gateways[number % shape.gateways.length]!.url, key.secret, chatBody({})),
      ),
    );
    await ends[end]!(stage, key);
    const answers = await Promise.all(calls.map((call) => call.finish()));
    for (const call of calls) call.leave();
    expect(answers.filter((status) => status !== 401)).toEqual([]);
    expect(shape.simulator.log().length).toBe(asked);
    tellMeasured(`${shape.name}: a key that is ${end}`, { 'waiting calls refused': answers.length });
  });
}
