import { z } from 'zod';
import { STREAMS } from './audit-entry.js';
import { canonicalJson, type Json } from './audit-value.js';
import { ChainVerifier, type ChainFault, type StoredSubject } from './chain-verifier.js';
import { entryLine } from './export-lines.js';

/** What is wrong with a file that should be an export. */
interface ExportFault {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
  /** What is wrong with the chain, if the file has the form of an export. */
  readonly fault: ChainFault | null;
}

/** The result for a file. */
export interface ExportVerification {
  readonly fault: ExportFault | null;
  readonly organizationId: string | null;
  /** How many entries were verified. */
  readonly verified: number;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const headSchema = z.strictObject({
  object: z.literal('audit_export'),
  organization_id: z.string(),
  exported_at: z.string(),
  chains: z.tuple([
    z.strictObject({ stream: z.literal(STREAMS[0]), count: z.int().nonnegative(), last_hash: hash }),
    z.strictObject({ stream: z.literal(STREAMS[1]), count: z.int().nonnegative(), last_hash: hash }),
  ]),
});
const entrySchema = z.strictObject({
  // As it was read: a schema of records would pass over a field called `__proto__`.
  entry: z.custom<Readonly<Record<string, Json>>>((value) => typeof value === 'object' && value !== null),
  hash,
  personal: z.array(z.strictObject({ id: z.string(), salt: z.string().nullable(), text: z.string().nullable() })),
});
type Head = z.output<typeof headSchema>;

/** Verifies the lines of an export, without their line ends. It needs memory for one line at a time. */
export async function verifyExport(lines: AsyncIterable<string> | Iterable<string>): Promise<ExportVerification> {
  let number = 0;
  let chains: ExportedChains | null = null;
  for await (const line of lines) {
    number += 1;
    let fault: ExportFault | null;
    if (chains === null) {
      const head = read(headSchema, line);
      if (head === null || canonicalJson(head) !== line)
        return { fault: faultAt(1, 'The first line is not the head of an export.'), organizationId: null, verified: 0 };
      chains = new ExportedChains(head);
      fault = null;
    } else fault = chains.add(line, number);
    if (fault !== null) return { fault, ...chains.result };
  }
  if (chains === null) return { fault: faultAt(1, 'The file is empty.'), organizationId: null, verified: 0 };
  return { fault: chains.end(number), ...chains.result };
}

class ExportedChains {
  #chain = 0;
  #before = 0;
  #verifier: ChainVerifier;

  constructor(private readonly head: Head) {
    this.#verifier = new ChainVerifier(head.organization_id, STREAMS[0]);
  }

  get result(): { readonly organizationId: string; readonly verified: number } {
    return { organizationId: this.head.organization_id, verified: this.#before + this.#verifier.verified.count };
  }

  add(line: string, number: number): ExportFault | null {
    const read = readEntry(line);
    if (read === null) return faultAt(number, 'The line is not one that an export has.');
    const { entry, text, subjects } = read;
    if (entry.entry['stream'] !== STREAMS[this.#chain]) {
      const fault = this.#endChain();
      if (fault !== null) return faultAt(number, fault.message, fault);
    }
    const { sequence } = entry.entry;
    const seq = typeof sequence === 'number' ? sequence : 0;
    const fault = this.#verifier.add({ seq, text, hash: entry.hash, columns: null }, subjects);
    return fault === null ? null : faultAt(number, fault.message, fault);
  }

  end(number: number): ExportFault | null {
    while (this.#chain < STREAMS.length) {
      const fault = this.#endChain();
      if (fault !== null) return faultAt(number, fault.message, fault);
    }
    return null;
  }

  /** The next chain begins where this one has ended. */
  #endChain(): ChainFault | null {
    const { count, last_hash: lastHash } = this.head.chains[this.#chain === 0 ? 0 : 1];
    const fault = this.#verifier.end({ count, lastHash });
    if (fault !== null || this.#chain === STREAMS.length) return fault;
    this.#chain += 1;
    const next = STREAMS[this.#chain];
    if (next !== undefined) {
      this.#before += this.#verifier.verified.count;
      this.#verifier = new ChainVerifier(this.head.organization_id, next);
    }
    return null;
  }
}

const faultAt = (line: number, message: string, fault: ChainFault | null = null): ExportFault => ({
  line,
  message,
  fault,
});

/**
 * A line must be written exactly as an export writes it. Otherwise somebody could add a field of the same name, which
 * this program would pass over and another would read.
 */
function readEntry(line: string) {
  const entry = read(entrySchema, line);
  if (entry === null) return null;
  const text = canonicalJson(entry.entry);
  const subjects = new Map<string, StoredSubject>(
    entry.personal.map(({ id, salt, text: personal }) => [
      id,
      { id, text: personal, salt: salt === null ? null : Buffer.from(salt, 'hex') },
    ]),
  );
  return entryLine({ text, hash: entry.hash, subjects }) === line ? { entry, text, subjects } : null;
}

function read<S extends z.ZodType>(schema: S, line: string): z.output<S> | null {
  try {
    return schema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
