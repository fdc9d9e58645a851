import type { OpenHold } from '../credit/index.js';

/**
 * A hold as the scripts keep it: `amount|tokens|parallel 0 or 1|r:KEY|a:ACCOUNT,…|instance|journal`, and `|NAME,` where
 * its answer will be remembered under that name.
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

/** Who answers for a hold: `instance|journal`. */
export function formatGateway({ instanceId, journalId }: Pick<OpenHold, 'instanceId' | 'journalId'>): string {
  return `${escapeId(instanceId)}|${escapeId(journalId)}`;
}

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
/** The field of a key's rates, as it also stands in a hold. */
export const rateField = (apiKeyId: string): string => `r:${escapeId(apiKeyId)}`;
/** The field of an account's balance, as it also stands in a hold. */
export const accountField = (accountId: string): string => `a:${escapeId(accountId)}`;
/** The key or account of such a field. */
export const idOf = (field: string): string => unescapeId(field.slice(2));

/** What separates the parts of a hold is escaped within its ids. */
function escapeId(id: string): string {
  return /[%|,]/.test(id) ? id.replace(/[%|,]/g, (character) => encodeURIComponent(character)) : id;
}

function unescapeId(text: string): string {
  return text.includes('%') ? text.replace(/%(?:25|7C|2C)/g, (escaped) => decodeURIComponent(escaped)) : text;
}

/**
 * JSON for cjson, which refuses all of a text for half of a surrogate pair: such a half becomes U+FFFD, as in UTF-8.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.replace(/\p{Surrogate}/gu, '\ufffd') : part,
  );
}
