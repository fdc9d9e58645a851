import { asLedgerText, keysUsedV1, uuid } from '@tollgate/contracts';
import { z } from 'zod';
import type { ToldUse } from './key-use-store.js';

/** The largest `bigint` of Postgres. */
const BIGINT_MAX = 9_223_372_036_854_775_807n;

const message = z.object({ eventVersion: z.literal(1), organizationId: z.string(), keys: z.array(z.unknown()) });
const usedKey = keysUsedV1.shape.keys.element;

/**
 * Reads messages of `keys.used.v1`: of each key the latest sums, with what the database can store. What cannot be read
 * costs one key, or one message: an error would block the partition on each redelivery.
 */
export function readToldUse(values: readonly string[]): {
  readonly told: readonly ToldUse[];
  readonly unreadable: number;
} {
  const latest = new Map<string, ToldUse>();
  let unreadable = 0;
  for (const value of values) {
    const read = message.safeParse(parsed(value));
    if (!read.success) unreadable += 1;
    for (const each of read.data?.keys ?? []) {
      const use = storable(read.data!.organizationId, each);
      if (use === null) unreadable += 1;
      else if (!isLater(latest.get(use.apiKeyId), use)) latest.set(use.apiKeyId, use);
    }
  }
  return { told: [...latest.values()], unreadable };
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function storable(organizationId: string, value: unknown): ToldUse | null {
  const read = usedKey.safeParse(value);
  if (!read.success) return null;
  const { secrets, lastUsedFrom, ...key } = read.data;
  const apiKeyId = uuid.safeParse(key.apiKeyId);
  const amounts = [
    key.chargedNanoUsd,
    key.chargedTodayNanoUsd,
    key.chargedThisWeekNanoUsd,
    key.chargedThisMonthNanoUsd,
  ];
  if (!apiKeyId.success || !amounts.every(isBigint)) return null;
  return {
    ...key,
    apiKeyId: apiKeyId.data,
    organizationId: asLedgerText(organizationId),
    lastUsedFrom: lastUsedFrom === null ? null : asLedgerText(lastUsedFrom),
    secrets: [
      ...new Map(secrets.filter(isStorable).map((secret) => [secret.secretId.toLowerCase(), secret])).values(),
    ].map(({ addresses, ...secret }) => ({
      ...secret,
      addresses: addresses.map(({ address, lastUsedAt }) => ({ address: asLedgerText(address), lastUsedAt })),
    })),
  };
}

const isBigint = (amount: string): boolean => BigInt(amount) <= BIGINT_MAX;
const isStorable = ({ secretId, chargedNanoUsd }: ToldUse['secrets'][number]): boolean =>
  uuid.safeParse(secretId).success && isBigint(chargedNanoUsd);

/** Whether what is known is later than what is told: more requests, or the same on a later day. */
const isLater = (known: ToldUse | undefined, told: ToldUse): boolean =>
  known !== undefined && (known.sequence > told.sequence || (known.sequence === told.sequence && known.day > told.day));
