import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import type { Shape } from '../kit/shape.js';

interface Report {
  readonly id: string;
  readonly first_day: string;
  readonly last_day: string;
  readonly provider_usd: string;
  readonly differences: readonly { readonly model: string | null; readonly likely_cause: string }[];
}

/** A day of 2024, on which nobody has called: 1 March. */
const DAY_S = 1_709_251_200;
const bucket = (startS: number, endS: number, value?: string): object => ({
  object: 'bucket',
  start_time: startS,
  end_time: endS,
  results:
    value === undefined
      ? []
      : [{ amount: { value, currency: 'usd' }, line_item: `gpt-4o-mini-${randomUUID()}, input` }],
});
const costs = (...data: readonly object[]): object => ({ object: 'page', data, has_more: false, next_page: null });
const wholeDay = (value: string): object => bucket(DAY_S, DAY_S + 86_400, value);

/** What a provider itself has counted, beside the ledger. */
export function theProviderReports(shape: () => Shape): void {
  describe('a report of a provider', () => {
    const send = (report: unknown, provider = 'openai'): Promise<Reply> =>
      shape().client().admin('POST', '/v1/provider-reports', { provider, format: 'openai_costs', report });

    it('is compared by model and day, is one import however often it is sent, and can be compared again', async () => {
      const report = costs(wholeDay('1.25'), bucket(DAY_S + 86_400, DAY_S + 2 * 86_400));
      const first = await send(report);
      expect(first.status, first.text).toBe(200);
      const compared = first.json<Report>();
      expect(compared).toMatchObject({ first_day: '2024-03-01', last_day: '2024-03-02', provider_usd: '1.25' });
      expect(compared.differences).toMatchObject([{ likely_cause: 'calls_outside_tollgate' }]);

      expect((await send(report)).json<Report>().id).toBe(compared.id);
      const again = await shape().client().admin('GET', `/v1/provider-reports/${compared.id}`);
      expect(again.json<Report>()).toEqual(compared);
    });

    it.each([
      ['a page that came twice', [costs(wholeDay('1.5')), costs(wholeDay('1.5'))], 'report[1].data.0'],
      ['a week in one bucket', costs(bucket(DAY_S, DAY_S + 7 * 86_400, '1.5')), 'report.data.0'],
      ['an hour of a day', costs(bucket(DAY_S + 3_600, DAY_S + 7_200, '1.5')), 'report.data.0'],
      ['a bucket that ends before it begins', costs(bucket(DAY_S, DAY_S - 86_400, '1.5')), 'report.data.0'],
      ['no days', costs(), 'report'],
      ['more pages than were sent', { ...costs(wholeDay('1')), has_more: true }, 'report.has_more'],
    ])('is refused with the place of what is wrong: %s', async (_, report, path) => {
      const reply = await send(report);
      expect(reply.status, reply.text).toBe(400);
      expect(reply.json<{ errors: readonly object[] }>().errors).toMatchObject([{ path }]);
    });

    it('is refused for a provider that nobody has named and nobody has called', async () => {
      const reply = await send(costs(wholeDay('1.5')), `slip-of-the-pen`);
      expect(reply.status, reply.text).toBe(400);
      expect(reply.json<{ errors: readonly object[] }>().errors).toMatchObject([{ path: 'provider' }]);
    });
  });
}
