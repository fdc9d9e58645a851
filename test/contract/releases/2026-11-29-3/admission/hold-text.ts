import { limitOf } from '../api-key/index.js';
import type { OpenHold } from '../credit/index.js';

/**
 * A hold in the format of the scripts: `amount|tokens|parallel 0 or 1|r:KEY|a:ACCOUNT,…|instance|journal`, followed by
 * `|NAME,` if the length of its answer will be remembered under that name.
 */
export function formatHold(hold: OpenHold): string {
  const end = hold.answersOf === undefined ? '' : `|${hold.answersOf},`;
  const taken = `${hold.amountNanoUsd}|${hold.tokens}|${hold.parallel ? 1 : 0}`;
  return `${taken}|${rateField(hold.apiKeyId)}|${formatAccounts(hold.accountIds)}|${formatGateway(hold)}${end}`;
}

/** The accounts of a hold: `a:ACCOUNT,…`. */
export function formatAccounts(accountIds: readonly string[]): string {
  return accountIds.map(accountField).join();
}

/** The gateway process and the journal that are responsible for a hold: `instance|journal`. */
export function formatGateway({ instanceId, journalId }: Pick<OpenHold, 'instanceId' | 'journalId'>): string {
  return `${escapeId(instanceId)}|${escapeId(journalId)}`;
}

/** Reads a hold in the format that `formatHold` writes. */
export function parseHold(requestId: string, text: string): OpenHold {
  const parts = text.split('|') as [string, string, string, string, string, string, string, string?];
  const [amount, tokens, parallel, rate, accounts, instance, journal, answersOf] = parts;
  return {
    requestId,
    apiKeyId: idOf(rate),
    instanceId: unescapeId(instance),
    journalId: unescapeId(journal),
    amountNanoUsd: BigInt(amount),
    accountIds: accounts === '' ? [] : accounts.split(',').map(idOf),
    parallel: parallel === '1',
    tokens: Number(tokens),
    ...(answersOf === undefined ? {} : { answersOf: answersOf.slice(0, -1) }),
  };
}

/** The field of a request's hold. */
export const requestField = (requestId: string): string => `o:${requestId}`;
/** The field of a key's rates; a hold names it in the same form. */
export const rateField = (apiKeyId: string): string => `r:${escapeId(apiKeyId)}`;
/** The field of an account's posted and held amounts; a hold names it in the same form. */
export const accountField = (accountId: string): string => `a:${escapeId(accountId)}`;
/** The field of what the ledger told of an account. */
export const loadField = (accountId: string): string => `l:${escapeId(accountId)}`;
/** The field of the first load of a limit that has cycles; empty for an account that belongs to no cycle. */
export function limitField(accountId: string): string {
  const limit = limitOf(accountId);
  return limit === accountId ? '' : `g:${escapeId(limit)}`;
}
/** The id of the key or account in the name of such a field. */
export const idOf = (field: string): string => unescapeId(field.slice(2));

/** Escapes the separators of a hold (`|` and `,`) and `%` within an id. */
function escapeId(id: string): string {
  return /[%|,]/.test(id) ? id.replace(/[%|,]/g, (character) => encodeURIComponent(character)) : id;
}

function unescapeId(text: string): string {
  return text.includes('%') ? text.replace(/%(?:25|7C|2C)/g, (escaped) => decodeURIComponent(escaped)) : text;
}

/**
 * JSON for cjson, which refuses a whole text because of one unpaired surrogate: each becomes U+FFFD, as in UTF-8.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.replace(/\p{Surrogate}/gu, '\ufffd') : part,
  );
}
