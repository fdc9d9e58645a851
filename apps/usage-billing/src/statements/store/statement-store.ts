import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { nanoUsd } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { addDeliveries } from '../../webhooks/deliver-webhooks/delivery-store.js';
import type { Notice, WebhookEvent } from '../../webhooks/webhook-events.js';
import { totalsOf, type Statement, type StatementContent } from '../build/statement.js';

/** Amounts are decimal strings of nano-USD in the database, which has no type for them inside of JSON. */
const amount = z.union([nanoUsd, z.string().regex(/^-\d{1,19}$/)]).transform(BigInt);

/** The content of a statement as it is stored. A later release may add fields. */
const storedContent = z.object({
  organizationId: z.string(),
  organizationName: z.string().nullable(),
  cycle: z.string(),
  usage: z.array(
    z.object({
      apiKeyId: z.string(),
      apiKeyName: z.string().nullable(),
      projectId: z.string().nullable(),
      provider: z.string(),
      model: z.string(),
      requests: z.number(),
      inputTokens: z.number(),
      outputTokens: z.number(),
      chargedNanoUsd: amount,
    }),
  ),
  fees: z.array(
    z.object({ subscriptionId: z.string(), description: z.string(), chargedAt: z.string(), amountNanoUsd: amount }),
  ),
  includedNanoUsd: amount,
  credit: z
    .object({
      openingNanoUsd: amount,
      grantedNanoUsd: amount,
      expiredNanoUsd: amount,
      chargedNanoUsd: amount,
      closingNanoUsd: amount,
    })
    .nullable(),
});

interface StatementRow {
  revision: number;
  issued_at: Date;
  content: unknown;
}

/** A statement in a list: its sums alone. */
export interface IssuedSums {
  readonly cycle: string;
  readonly revision: number;
  readonly issuedAt: Date;
  readonly requests: number;
  readonly usageNanoUsd: bigint;
  readonly feesNanoUsd: bigint;
}

/** The table of statements that were issued. */
@Injectable()
export class StatementStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** A revision of a cycle's statement, or the latest; null if there is none. Index: statement_pk. */
  async find(organizationId: string, cycle: string, revision: number | null): Promise<Statement | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<StatementRow[]>(
        `SELECT revision, issued_at, content FROM billing.statement
         WHERE organization_id = $1 AND cycle = ($2 || '-01')::date AND ($3::integer IS NULL OR revision = $3)
         ORDER BY revision DESC LIMIT 1`,
        [organizationId, cycle, revision],
      ),
    );
    const row = rows[0];
    if (row === undefined) return null;
    return {
      ...storedContent.parse(row.content),
      status: 'issued',
      revision: row.revision,
      issuedAt: row.issued_at,
    };
  }

  /** The sums of the latest revision of each cycle, the newest first. Index: statement_pk. */
  async latest(organizationId: string, limit: number): Promise<IssuedSums[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<
        {
          cycle: string;
          revision: number;
          issued_at: Date;
          requests: string;
          usage_nano_usd: string;
          fees_nano_usd: string;
        }[]
      >(
        `SELECT DISTINCT ON (statement.cycle) to_char(statement.cycle, 'YYYY-MM') AS cycle, revision, issued_at, requests, usage_nano_usd,
           fees_nano_usd
         FROM billing.statement WHERE organization_id = $1 ORDER BY statement.cycle DESC, revision DESC LIMIT $2`,
        [organizationId, limit],
      ),
    );
    return rows.map((row) => ({
      cycle: row.cycle,
      revision: row.revision,
      issuedAt: row.issued_at,
      requests: Number(row.requests),
      usageNanoUsd: BigInt(row.usage_nano_usd),
      feesNanoUsd: BigInt(row.fees_nano_usd),
    }));
  }

  /**
   * Issues a revision in the caller's transaction, and tells the organisation's webhooks. Of two processes that issue
   * the same one the first wins; false for the other. Index: statement_pk.
   */
  async issue(manager: EntityManager, content: StatementContent, revision: number): Promise<boolean> {
    const { requests, usageNanoUsd, feesNanoUsd } = totalsOf(content);
    const rows: unknown[] = await manager.query(
      `INSERT INTO billing.statement (organization_id, cycle, revision, requests, usage_nano_usd, fees_nano_usd, content)
       VALUES ($1, ($2 || '-01')::date, $3, $4, $5, $6, $7) ON CONFLICT (organization_id, cycle, revision) DO NOTHING RETURNING revision`,
      [
        content.organizationId,
        content.cycle,
        revision,
        requests,
        usageNanoUsd.toString(),
        feesNanoUsd.toString(),
        JSON.stringify(content, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
      ],
    );
    if (rows.length === 0) return false;
    const now = new Date();
    await addDeliveries(manager, [issuedNotice(content, revision, now)], now);
    return true;
  }
}

/** What a statement says to webhooks. A revision above 1 stands in place of the one before. */
function issuedNotice(content: StatementContent, revision: number, now: Date): Notice {
  const { organizationId, cycle } = content;
  const { requests, usageNanoUsd, feesNanoUsd } = totalsOf(content);
  return {
    noticeId: randomUUID(),
    organizationId,
    type: 'statement.issued' satisfies WebhookEvent,
    occurredAt: now.toISOString(),
    data: {
      organization_id: organizationId,
      cycle,
      revision,
      requests,
      usage_usd: formatUsd(usageNanoUsd),
      fees_usd: formatUsd(feesNanoUsd),
    },
  };
}
