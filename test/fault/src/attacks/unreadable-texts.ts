import { completion, plain, usageOf } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { tellMeasured } from '../measured.js';

/** Model names as JSON spells them: the route `w-*` takes any, and the provider does not look at them. */
const names = [
  'w-\\u0000',
  'w-\\u0001x',
  'w-\\u007f',
  'w-\\ud800',
  'w-\\udc00\\ud800',
  'w-a\\u0000b',
  'w-\\u001f',
  'w-\\u0085',
  'w-\\u200b',
  'w-\\ufeff',
  'w-\\ufffe',
  'w-\\u2028',
];

/** A name that the ledger cannot hold must not make a call free. */
export function unreadableTexts(stageOf: () => AttackStage): void {
  it('no name of a model makes a call free', async () => {
    const { shape, provider } = stageOf();
    const key = await shape.client().createKey();
    for (const name of names) {
      const model = safeModel(name);
      provider.play(model, [plain(completion('hello', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }))]);
    }
    let served = 0;
    for (const name of names) {
      const body = Buffer.from(`{"model":"${name}","messages":[{"role":"user","content":"hi"}]}`);
      const reply = await shape.client().call({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
        body,
      });
      if (reply.status === 200) served += 1;
      else expect([name, reply.status]).toEqual([name, 400]);
    }
    const good = await shape.client().chat(key.secret);
    expect(good.status).toBe(200);
    const totals = await usageOf(shape, key.id, served + 1);
    expect(totals.requests).toBe(served + 1);
    tellMeasured(`${shape.name}: odd names of models`, { 'served and booked': served, refused: names.length - served });
  });
}

/** The name as the provider's own parser reads it. */
function safeModel(name: string): string {
  return String((JSON.parse(`{"model":"${name}"}`) as { model: string }).model);
}
