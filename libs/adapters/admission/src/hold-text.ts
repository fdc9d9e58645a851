import { limitOf } from '@tollgate/api-key';
import { GRANTS, type CreditRefusal, type HeldPart, type OpenHold, type RefusalMark } from '@tollgate/credit';

/**
 * A hold in the format of the scripts: `amount|tokens|parallel 0 or 1|r:KEY|a:ACCOUNT,…|instance|journal`, followed by
 * `|NAME,` if the length of its answer will be remembered under that name. A hold on grants has `|NAME,` or `|`, then
 * `|PART:a:ACCOUNT,…,|`: what it takes of each. Releases before 2026-12 did not know such holds.
 */
export function formatHold(hold: OpenHold): string {
  const { answersOf, parts = [] } = hold;
  const name = answersOf === undefined ? '' : `|${answersOf},`;
  const taken = `${hold.amountNanoUsd}|${hold.tokens}|${hold.parallel ? 1 : 0}`;
  const text = `${taken}|${rateField(hold.apiKeyId)}|${formatAccounts(hold.accountIds)}|${formatGateway(hold)}${name}`;
  if (parts.length === 0) return text;
  return `${text}${name === '' ? '|' : ''}|${formatParts(parts)}|`;
}

/** What a hold takes of grants: `PART:a:ACCOUNT,` of each. */
function formatParts(parts: readonly HeldPart[]): string {
  return parts.map(({ accountId, amountNanoUsd }) => `${amountNanoUsd}:${accountField(accountId)},`).join('');
}

/** Reads what `formatParts` writes. */
function parseParts(text: string): readonly HeldPart[] {
  return text
    .split(',')
    .slice(0, -1)
    .map((part) => {
      const colon = part.indexOf(':');
      return { accountId: idOf(part.slice(colon + 1)), amountNanoUsd: BigInt(part.slice(0, colon)) };
    });
}

/** Reads what admit.lua held besides accounts that take the whole amount: `a:ACCOUNT|PART:a:ACCOUNT,…`. */
export function parseBesides(text: string): { readonly either: string | null; readonly parts: readonly HeldPart[] } {
  const bar = text.indexOf('|');
  return { either: bar <= 0 ? null : idOf(text.slice(0, bar)), parts: parseParts(text.slice(bar + 1)) };
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
  const fields = text.split('|') as [string, string, string, string, string, string, string, string?, string?];
  const [amount, tokens, parallel, rate, accounts, instance, journal, answersOf = '', parts = ''] = fields;
  return {
    requestId,
    apiKeyId: idOf(rate),
    instanceId: unescapeId(instance),
    journalId: unescapeId(journal),
    amountNanoUsd: BigInt(amount),
    accountIds: accounts === '' ? [] : accounts.split(',').map(idOf),
    ...(parts === '' ? {} : { parts: parseParts(parts) }),
    parallel: parallel === '1',
    tokens: Number(tokens),
    ...(answersOf === '' ? {} : { answersOf: answersOf.slice(0, -1) }),
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
/** The field of the terms under which an account refused a call last. */
export const refusalField = (accountId: string): string => `x:${escapeId(accountId)}`;

/** A mark as note-refusals.lua takes it: its field, its terms, and what it is told with. */
export function formatMark({ accountId, terms, askedNanoUsd, leftNanoUsd }: RefusalMark): readonly string[] {
  return [refusalField(accountId), escapeId(terms), `${askedNanoUsd}|${leftNanoUsd ?? ''}`];
}

/** Reads the refusals that note-refusals.lua has noted: `,x:ACCOUNT|terms|asked|left|when` of each. */
export function parseRefusals(text: string): readonly CreditRefusal[] {
  return text
    .split(',')
    .slice(1)
    .map((refusal) => {
      const [field, terms, asked, left, when] = refusal.split('|') as [string, string, string, string, string];
      const accountId = idOf(field);
      return {
        accountId,
        terms: unescapeId(terms),
        capNanoUsd: accountId === GRANTS ? null : BigInt(terms),
        askedNanoUsd: BigInt(asked),
        leftNanoUsd: left === '' ? null : BigInt(left),
        refusedAtMs: Number(when),
      };
    });
}

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
