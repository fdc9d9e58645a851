import { Html, html } from '@tollgate/http';
import { utcDay } from '../../store/utc-day.js';
import { totalsOf, type Statement } from '../build/statement.js';
import { statementCycle } from '../build/statement-cycle.js';
import { usdText } from './usd-text.js';

/** The page has no script and loads nothing, so that it prints the same anywhere and years later. */
const STYLE = new Html(`
  @page { size: A4; margin: 18mm 16mm; }
  body { font: 11px/1.5 system-ui, sans-serif; color: #16181d; margin: 0 auto; max-width: 190mm; padding: 8mm; }
  h1 { font-size: 20px; margin: 0 0 2mm; }
  h2 { font-size: 13px; margin: 8mm 0 2mm; }
  table { border-collapse: collapse; width: 100%; }
  thead { display: table-header-group; }
  th, td { border-bottom: 1px solid #d6d9e0; padding: 1.2mm 2mm; text-align: left; vertical-align: top; }
  th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  tr { break-inside: avoid; }
  tfoot td { border-bottom: 0; border-top: 2px solid #16181d; font-weight: 600; }
  td { overflow-wrap: anywhere; }
  .muted { color: #5c6370; }
  @media print { body { max-width: none; padding: 0; } }
`);

const DAY_MS = 86_400_000;

/** A statement as a page to be printed or saved as PDF. All amounts are exact, so that its lines add up. */
export function htmlStatement(statement: Statement): string {
  const { cycle, organizationId, credit, usage, fees } = statement;
  const totals = totalsOf(statement);
  const name = statement.organizationName ?? organizationId;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Statement ${cycle} – ${name}</title>
        <meta name="viewport" content="width=device-width" />
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <h1>Statement ${cycle}</h1>
        <p>
          ${name}<br />
          <span class="muted"
            >Organisation ${organizationId}<br />${periodText(cycle)}<br />${standing(statement)}</span
          >
        </p>
        ${table(
          'Usage',
          ['Key', 'Provider', 'Model', '#Requests', '#Input tokens', '#Output tokens', '#USD'],
          usage.map((line) => [
            line.apiKeyName === null ? line.apiKeyId : `${line.apiKeyName} (${line.apiKeyId})`,
            line.provider,
            line.model,
            line.requests,
            line.inputTokens,
            line.outputTokens,
            usdText(line.chargedNanoUsd),
          ]),
          ['Usage', '', '', totals.requests, '', '', usdText(totals.usageNanoUsd)],
        )}
        ${
          fees.length === 0
            ? ''
            : table(
                'Subscriptions',
                ['Subscription', 'For', 'Charged at', '#USD'],
                fees.map((line) => [
                  line.subscriptionId,
                  line.description,
                  line.chargedAt,
                  usdText(line.amountNanoUsd),
                ]),
                ['Subscriptions', '', '', usdText(totals.feesNanoUsd)],
              )
        }
        ${table(
          'Sum',
          ['', '#USD'],
          [
            ['Usage', usdText(totals.usageNanoUsd)],
            ['Subscriptions', usdText(totals.feesNanoUsd)],
            ['Total', usdText(totals.totalNanoUsd)],
            ['Included in subscriptions', usdText(-statement.includedNanoUsd)],
            ['Paid by prepaid credit', usdText(-(credit?.chargedNanoUsd ?? 0n))],
          ],
          ['Due', usdText(totals.dueNanoUsd)],
        )}
        ${
          credit === null
            ? ''
            : table(
                'Prepaid credit',
                ['', '#USD'],
                [
                  ['Opening balance', usdText(credit.openingNanoUsd)],
                  ['Granted', usdText(credit.grantedNanoUsd)],
                  ['Expired', usdText(-credit.expiredNanoUsd)],
                  ['Charged', usdText(-credit.chargedNanoUsd)],
                ],
                ['Closing balance', usdText(credit.closingNanoUsd)],
              )
        }
      </body>
    </html>`.text;
}

function standing({ status, revision, issuedAt }: Statement): string {
  if (status === 'open' || issuedAt === null) return 'Not issued yet: usage is still being added.';
  return `Revision ${revision}, issued ${issuedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function periodText(name: string): string {
  const cycle = statementCycle(name);
  return cycle === null ? name : `${utcDay(cycle.startMs)} to ${utcDay(cycle.endMs - DAY_MS)} (UTC)`;
}

type Row = readonly (string | number)[];

/** A column whose name begins with # holds numbers. */
function table(caption: string, columns: readonly string[], rows: readonly Row[], foot: Row): Html {
  const numbers = columns.map((name) => name.startsWith('#'));
  const cells = (row: Row): Html[] =>
    row.map((text, at) => (numbers[at] === true ? html`<td class="n">${text}</td>` : html`<td>${text}</td>`));
  const heads = columns.map((name, at) =>
    numbers[at] === true ? html`<th class="n">${name.slice(1)}</th>` : html`<th>${name}</th>`,
  );
  return html`<h2>${caption}</h2>
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells(row)}
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          ${cells(foot)}
        </tr>
      </tfoot>
    </table>`;
}
