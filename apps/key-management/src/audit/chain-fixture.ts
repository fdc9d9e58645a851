import { randomBytes, randomUUID } from 'node:crypto';
import {
  entryHash,
  entryText,
  personalOf,
  prepareEntry,
  STREAMS,
  subjectDigest,
  type AuditEntry,
  type Stream,
} from './audit-entry.js';
import { EMPTY_CHAIN, type ChainHead, type StoredEntry, type StoredSubject } from './chain-verifier.js';
import { entryLine, headLine } from './export-lines.js';

/** For specs: a chain in memory, made by the rules by which `AuditTrail` makes one in the database. */
export class MemoryChain {
  readonly entries: (StoredEntry & { readonly subjects: Map<string, StoredSubject> })[] = [];

  constructor(
    readonly organizationId: string,
    readonly stream: Stream = 'changes',
  ) {}

  get head(): ChainHead {
    const last = this.entries.at(-1);
    return last === undefined ? EMPTY_CHAIN : { count: last.seq, lastHash: last.hash };
  }

  append(entry: AuditEntry, at = new Date()): void {
    const prepared = prepareEntry(entry, (id) => `${id}@example.org`);
    const texts = new Map(personalOf(prepared).map((each) => [each.key, each.text]));
    const stored = new Map([...texts].map(([key, text]) => [key, { id: randomUUID(), text, salt: randomBytes(16) }]));
    const { count, lastHash } = this.head;
    const place = { organizationId: this.organizationId, stream: this.stream, seq: count + 1, at };
    const text = entryText(prepared, place, ({ key }) => {
      const { id, salt, text: personal } = stored.get(key)!;
      return { subject: id, digest: subjectDigest(salt, personal) };
    });
    this.entries.push({
      seq: count + 1,
      text,
      hash: entryHash(lastHash, text),
      columns: { ...prepared, previousHash: lastHash, atMs: at.getTime() },
      subjects: new Map([...stored.values()].map((each) => [each.id, each])),
    });
  }
}

/** The lines of an export of these chains. */
export function exportOf(
  changes: MemoryChain,
  refusals = new MemoryChain(changes.organizationId, 'refusals'),
): string[] {
  const chains = { changes, refusals };
  const heads = { changes: changes.head, refusals: refusals.head };
  const entries = STREAMS.flatMap((stream) => chains[stream].entries);
  return [headLine(changes.organizationId, heads, new Date()), ...entries.map(entryLine)];
}
