import { CSV_BYTE_ORDER_MARK, csvLine, type CsvCell } from '@tollgate/http';
import { formatUsd } from '@tollgate/credit';
import type { Statement } from '../build/statement.js';

const COLUMNS = [
  'kind',
  'api_key_id',
  'api_key_name',
  'project_id',
  'provider',
  'model',
  'subscription_id',
  'description',
  'requests',
  'input_tokens',
  'output_tokens',
  'amount_usd',
] as const;

/** The lines of a statement as CSV. The column of amounts adds up to the statement's total, to the last nano-USD. */
export function csvStatement({ usage, fees }: Statement): string {
  const lines: CsvCell[][] = [
    ...usage.map((line) => [
      'usage',
      line.apiKeyId,
      line.apiKeyName,
      line.projectId,
      line.provider,
      line.model,
      null,
      null,
      line.requests,
      line.inputTokens,
      line.outputTokens,
      { number: formatUsd(line.chargedNanoUsd) },
    ]),
    ...fees.map((line) => [
      'fee',
      null,
      null,
      null,
      null,
      null,
      line.subscriptionId,
      line.description,
      null,
      null,
      null,
      { number: formatUsd(line.amountNanoUsd) },
    ]),
  ];
  return CSV_BYTE_ORDER_MARK + [csvLine(COLUMNS), ...lines.map(csvLine)].join('');
}
