import type { Stream } from './audit-entry.js';
import { STREAMS } from './audit-entry.js';
import type { AuditStore, ReadEntry } from './audit-store.js';
import type { ChainHead } from './chain-verifier.js';
import { canonicalJson } from './audit-value.js';

/** Entries of one read: a client that reads slowly keeps no more than this in memory, and no transaction open. */
const PART = 500;

/** The first line of an export: which chains follow, and how each ends. */
export function headLine(organizationId: string, heads: Readonly<Record<Stream, ChainHead>>, now: Date): string {
  const chains = STREAMS.map((stream) => ({ stream, count: heads[stream].count, last_hash: heads[stream].lastHash }));
  return canonicalJson({
    object: 'audit_export',
    organization_id: organizationId,
    exported_at: now.toISOString(),
    chains,
  });
}

/** The line of an entry: its exact text, its hash, and the texts about people that are not erased. */
export function entryLine({ text, hash, subjects }: Pick<ReadEntry, 'text' | 'hash' | 'subjects'>): string {
  const known = [...subjects.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  const shown = known.map((each) => ({
    id: each.id,
    salt: each.salt?.toString('hex') ?? null,
    text: each.text,
  }));
  return `{"entry":${text},"hash":"${hash}","personal":${canonicalJson(shown)}}`;
}

/** An export of both chains of an organisation as they are at this moment, in lines of JSON that each end with `\n`. */
export async function* exportLines(store: AuditStore, organizationId: string, now: Date): AsyncGenerator<string> {
  const heads = await store.heads(organizationId);
  yield `${headLine(organizationId, heads, now)}\n`;
  for (const stream of STREAMS) {
    const last = heads[stream].count;
    for (let after = 0; after < last;) {
      const part = await store.chainPart(organizationId, stream, { after, last, limit: PART });
      if (part.length === 0) break;
      yield part.map((entry) => `${entryLine(entry)}\n`).join('');
      after = part.at(-1)?.seq ?? last;
    }
  }
}
