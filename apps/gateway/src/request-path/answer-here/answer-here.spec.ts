import { expect, it, vi } from 'vitest';
import type { DialectName } from '../../dialects/dialect-name.js';
import type { Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { refuse } from '../exchange/refusal.js';
import { answerHere } from './answer-here.js';

const dialect = {
  name: 'anthropic-count-tokens' as const,
  answerHere: () => Promise.resolve(Buffer.from('{"input_tokens":7}')),
};
const target = (...dialects: DialectName[]) => ({ provider: { dialects: new Set(dialects) } }) as unknown as Target;
const exchangeTo = (...targets: Target[]) => ({ ask: {}, targets }) as unknown as Routed;

it('answers what no provider of the model can be asked, once it is taken from the key’s rate', async () => {
  const admit = vi.fn(() => Promise.resolve(undefined));
  const end = await answerHere(dialect, admit)(exchangeTo(target('openai-chat')));
  expect(end).toMatchObject({ kind: 'own_answer' });
  expect(admit).toHaveBeenCalledTimes(1);
});

it('refuses it where the rate is spent', async () => {
  const refusal = refuse('rate_limit_exceeded');
  expect(await answerHere(dialect, () => refusal)(exchangeTo(target('openai-chat')))).toBe(refusal);
});

it('leaves it to a provider that speaks the dialect, and all requests of other dialects', () => {
  const admit = vi.fn();
  expect(answerHere(dialect, admit)(exchangeTo(target('anthropic-count-tokens')))).toBeUndefined();
  expect(answerHere({ name: 'openai-chat' }, admit)(exchangeTo(target()))).toBeUndefined();
  expect(admit).not.toHaveBeenCalled();
});
