import { limitOf } from '@tollgate/api-key';
import type { Contacts } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import { unreachable } from '@tollgate/errors';
import { shownInMail } from '@tollgate/mail';
import { kindOfAlertedAccount, type Alert, type ThresholdAlert, type UnusualSpendAlert } from '../alert.js';

/** Subject and text of a mail. */
export interface AlertMail {
  readonly subject: string;
  readonly text: string;
}

/** The mail about an alert. Nobody can put a link into the names that it shows. */
export function alertMail(alert: Alert, { organizationName, keyName }: Contacts): AlertMail {
  const organization = `“${shownInMail(organizationName ?? alert.organizationId)}”`;
  const key = keyName === null ? `API key ${alert.apiKeyId}` : `API key “${shownInMail(keyName)}”`;
  return alert.kind === 'unusual_spend'
    ? unusualMail(alert, key, organization)
    : thresholdMail(alert, key, organization);
}

function thresholdMail(alert: ThresholdAlert, key: string, organization: string): AlertMail {
  const what = whatOf(alert, key, organization);
  const isBalance = kindOfAlertedAccount(alert.accountId) === 'balance';
  const [used, limit, at] = isBalance
    ? ['Used or expired:', 'Credit:         ', 'At:             ']
    : ['Used: ', 'Limit:', 'At:   '];
  const lines = [
    `Organisation ${organization} at Tollgate, ${what}:`,
    '',
    `${used} ${formatUsd(alert.usedNanoUsd)} USD`,
    `${limit} ${formatUsd(alert.limitNanoUsd)} USD`,
    `${at} ${moment(alert.raisedAt)}`,
    '',
  ];
  if (alert.level < 100) {
    const text = [
      ...lines,
      isBalance
        ? `This mail is sent once for ${alert.level} % of this credit, and again after more was added.`
        : `This mail is sent once for ${alert.level} % of this limit in each of its cycles.`,
      ...FOOT,
    ];
    return { subject: `${alert.level} % of ${what} is used`, text: text.join('\n') };
  }
  const more = 'To let calls pass, raise the limit or add credit, or wait for the next cycle where there is one.';
  if (alert.reason === 'refused')
    return {
      subject: `A call was refused: ${what} does not cover it`,
      text: [...lines, ...refusedLines(alert), 'Cheaper calls may still pass.', more, ...FOOT].join('\n'),
    };
  const why = 'All of it is used. Further calls are refused.';
  return { subject: `${capital(what)} is used up`, text: [...lines, why, more, ...FOOT].join('\n') };
}

function refusedLines({ refusedCall }: ThresholdAlert): readonly string[] {
  if (refusedCall === null) return ['A call was refused, since what it may cost at most is not covered any more.'];
  const { askedNanoUsd, leftNanoUsd } = refusedCall;
  const asked = `A call was refused that may cost ${formatUsd(askedNanoUsd)} USD at most.`;
  if (leftNanoUsd === null) return [asked];
  return [asked, `${formatUsd(leftNanoUsd)} USD were left for it, beside what calls in flight may cost.`];
}

function whatOf({ accountId }: ThresholdAlert, key: string, organization: string): string {
  const kind = kindOfAlertedAccount(accountId);
  switch (kind) {
    case 'key':
      return `the credit limit of ${key}`;
    case 'organization':
      return `the credit limit of the organisation ${organization}`;
    case 'group':
    case 'project':
      return `the budget of the ${kind} ${limitOf(accountId).slice(kind.length + 1)}`;
    case 'subscription':
      return `the quota of the subscription ${limitOf(accountId).slice(kind.length + 1)}`;
    case 'payg':
      return `the pay-as-you-go limit of the subscription ${limitOf(accountId).slice(kind.length + 1)}`;
    case 'balance':
      return `the prepaid credit of the organisation ${organization}`;
    case 'other':
      return `the limit of ${limitOf(accountId)}`;
    default:
      return unreachable(kind);
  }
}

function unusualMail(alert: UnusualSpendAlert, key: string, organization: string): AlertMail {
  return {
    subject: `${capital(key)} spends more than usual`,
    text: [
      `${capital(key)} of the organisation ${organization} at Tollgate has spent`,
      `${formatUsd(alert.usedNanoUsd)} USD on ${alert.day} (UTC) so far. On all but one of the 28 days before it spent`,
      `${formatUsd(alert.limitNanoUsd)} USD or less.`,
      '',
      'If nobody expects this, look at its usage (GET /v1/usage), and rotate or revoke the key: it may have leaked.',
      'This mail is sent once a day at most for each key.',
      ...FOOT,
    ].join('\n'),
  };
}

const FOOT = ['', 'Whom these mails go to, and about what: PATCH /v1/alerts/settings', '', 'Tollgate', ''];
const moment = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
