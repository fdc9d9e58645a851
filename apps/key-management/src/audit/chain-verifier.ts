import { entryHash, FIRST_PREVIOUS_HASH, subjectDigest, type EntryColumns, type Stream } from './audit-entry.js';
import { canonicalJson, type Json } from './audit-value.js';
import { referencesIn } from './read-entry.js';

/** What is wrong with a chain, at the first entry where it shows. */
export interface ChainFault {
  readonly stream: Stream;
  /** The number of the entry, or of the one that is missing. */
  readonly sequence: number;
  readonly kind: ChainFaultKind;
  readonly message: string;
}

/** The kinds of faults, with what each says. */
export const CHAIN_FAULTS = {
  missing: 'The entry with this number is missing.',
  forked: 'More than one entry has this number, or the entries are out of order.',
  broken_link: 'The entry does not follow the one before it.',
  edited: 'The text of the entry is not the one that its hash was made of.',
  misplaced: 'The text of the entry names another organisation, chain or number.',
  column_differs: 'A column beside the entry differs from its text.',
  subject_differs: 'A name or an address that the entry refers to is not the one that it was made with.',
  subject_missing: 'A name or an address that the entry refers to is missing, and not erased.',
  head_differs: 'The chain does not end with the number and the hash that its head has.',
} as const;
export type ChainFaultKind = keyof typeof CHAIN_FAULTS;

/** A text about a person as it is stored; text and salt are null once it is erased. */
export interface StoredSubject {
  readonly id: string;
  readonly text: string | null;
  readonly salt: Buffer | null;
}

/** An entry as it is stored. */
export interface StoredEntry {
  readonly seq: number;
  readonly text: string;
  /** 64 hex digits, as is the hash before. */
  readonly hash: string;
  /** Null where they are not known, as in an export. */
  readonly columns: (EntryColumns & { readonly previousHash: string; readonly atMs: number }) | null;
}

/** How many entries a chain has, and the hash of the newest. */
export interface ChainHead {
  readonly count: number;
  readonly lastHash: string;
}
export const EMPTY_CHAIN: ChainHead = { count: 0, lastHash: FIRST_PREVIOUS_HASH };

type Subjects = ReadonlyMap<string, StoredSubject>;

/**
 * Verifies one chain, entry by entry in the order in which they are stored. It needs memory for one entry only.
 *
 * @example
 * const verifier = new ChainVerifier(organizationId, 'changes');
 * for (const entry of entries) fault ??= verifier.add(entry, subjects);
 * fault ??= verifier.end(head);
 */
export class ChainVerifier {
  #last: ChainHead;

  /** `from` is where an earlier part of the chain has been verified up to. */
  constructor(
    private readonly organizationId: string,
    private readonly stream: Stream,
    from: ChainHead = EMPTY_CHAIN,
  ) {
    this.#last = from;
  }

  /** The part that has been verified. */
  get verified(): ChainHead {
    return this.#last;
  }

  /** The next entry, with the texts about people that it refers to. Returns what is wrong with it. */
  add(entry: StoredEntry, subjects: Subjects): ChainFault | null {
    const { count, lastHash } = this.#last;
    if (entry.seq > count + 1) return this.#fault('missing', count + 1);
    if (entry.seq <= count) return this.#fault('forked', entry.seq);
    const kind = this.#kindOfFault(entry, lastHash, subjects);
    if (kind !== null) return this.#fault(kind, entry.seq);
    this.#last = { count: entry.seq, lastHash: entry.hash };
    return null;
  }

  /** After the last entry: whether newest ones are missing. */
  end(head: ChainHead): ChainFault | null {
    const { count, lastHash } = this.#last;
    if (count < head.count) return this.#fault('missing', count + 1);
    return count > head.count || lastHash !== head.lastHash ? this.#fault('head_differs', count) : null;
  }

  #fault(kind: ChainFaultKind, sequence: number): ChainFault {
    return { stream: this.stream, sequence, kind, message: CHAIN_FAULTS[kind] };
  }

  #kindOfFault(entry: StoredEntry, lastHash: string, subjects: Subjects): ChainFaultKind | null {
    if (entry.columns !== null && entry.columns.previousHash !== lastHash) return 'broken_link';
    if (entryHash(lastHash, entry.text) !== entry.hash) return 'edited';
    const written = parsed(entry.text);
    if (written === null || canonicalJson(written) !== entry.text) return 'edited';
    if (!this.#isPlaced(written, entry.seq)) return 'misplaced';
    if (entry.columns !== null && !sameColumns(written, entry.columns)) return 'column_differs';
    return faultOfSubjects(written, subjects);
  }

  #isPlaced(written: JsonFields, seq: number): boolean {
    return (
      written['organization_id'] === this.organizationId &&
      written['stream'] === this.stream &&
      written['sequence'] === seq
    );
  }
}

type JsonFields = Readonly<Record<string, Json>>;

function parsed(text: string): JsonFields | null {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonFields) : null;
  } catch {
    return null;
  }
}

function sameColumns(written: JsonFields, columns: EntryColumns & { readonly atMs: number }): boolean {
  const { actor, target } = written as { actor?: { type?: Json; id?: Json }; target?: { type?: Json; id?: Json } };
  return (
    (actor?.id ?? actor?.type) === columns.actor &&
    written['action'] === columns.action &&
    target?.type === columns.targetType &&
    target?.id === columns.targetId &&
    written['request_id'] === columns.requestId &&
    Date.parse(String(written['at'])) === columns.atMs
  );
}

function faultOfSubjects(written: JsonFields, subjects: Subjects): ChainFaultKind | null {
  for (const { subject, digest } of referencesIn(written)) {
    const stored = subjects.get(subject);
    if (stored === undefined) return 'subject_missing';
    const { text, salt } = stored;
    if (text === null && salt === null) continue;
    if (text === null || salt === null || subjectDigest(salt, text) !== digest) return 'subject_differs';
  }
  return null;
}
