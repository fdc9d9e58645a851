import type { AuditLogObject } from './audit-log.reply.js';
import type { ReadEntry } from './audit-store.js';
import { referencesIn, resolved, writtenEntry } from './read-entry.js';

/**
 * Builds the admin API's view of an entry from its text, in which names and addresses are put where they are not
 * erased. An entry that somebody has broken in the database is shown by its columns.
 */
export function auditLogObject(entry: ReadEntry): AuditLogObject {
  const { stream, seq, hash, previousHash, subjects } = entry;
  const place = { object: 'audit_log', id: `${stream}-${seq}`, stream, sequence: seq } as const;
  const written = writtenIn(entry.text);
  if (written === null) return { ...place, ...byColumns(entry), hash, previous_hash: previousHash };
  const textOf = (id: string): string | null => subjects.get(id)?.text ?? null;
  const textIn = (value: unknown): string | null => resolved(value, textOf) as string | null;
  const { actor, address, changes, details } = written;
  return {
    ...place,
    at: written.at,
    actor: { type: actor.type, id: actor.id, email: textIn(actor.email) },
    address: textIn(address),
    action: written.action,
    target: written.target,
    changes: resolved(changes, textOf) as AuditLogObject['changes'],
    details: resolved(details, textOf) as AuditLogObject['details'],
    request_id: written.request_id,
    erased: referencesIn(written).some(({ subject }) => textOf(subject) === null),
    hash,
    previous_hash: previousHash,
  };
}

function writtenIn(text: string) {
  try {
    return writtenEntry.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function byColumns({ columns }: ReadEntry) {
  return {
    at: new Date(columns?.atMs ?? 0).toISOString(),
    actor: { type: 'unknown', id: columns?.actor ?? null, email: null },
    address: null,
    action: columns?.action ?? '',
    target: { type: columns?.targetType ?? '', id: columns?.targetId ?? '' },
    changes: {},
    details: {},
    request_id: columns?.requestId ?? null,
    erased: false,
  };
}
