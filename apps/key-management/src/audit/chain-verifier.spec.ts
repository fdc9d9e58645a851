import { NOBODY } from '@tollgate/auth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryHash, type AuditEntry } from './audit-entry.js';
import { Personal, type AuditValue } from './audit-value.js';
import { MemoryChain, exportOf } from './chain-fixture.js';
import { ChainVerifier, type StoredEntry, type StoredSubject } from './chain-verifier.js';
import { verifyExport } from './verify-export.js';

const ACTOR = {
  principal: { kind: 'person', personId: 'p', sessionId: 's', organizationId: 'o', role: 'owner', provenAtMs: 0 },
  address: '192.0.2.1',
  requestId: 'a request',
} as const;
const entry = (n: number, fields: Partial<AuditEntry> = {}): AuditEntry => ({
  actor: ACTOR,
  action: 'member.updated',
  targetType: 'member',
  targetId: `member ${n}`,
  changes: { email: { from: null, to: new Personal('email', `${n}@example.org`) } },
  ...fields,
});
function chainOf(length: number, organizationId = 'o'): MemoryChain {
  const chain = new MemoryChain(organizationId);
  for (let n = 1; n <= length; n++) chain.append(entry(n));
  return chain;
}
type Entries = readonly (StoredEntry & { readonly subjects: ReadonlyMap<string, StoredSubject> })[];
function verify(chain: MemoryChain, entries: Entries = chain.entries, head = chain.head) {
  const verifier = new ChainVerifier('o', 'changes');
  for (const each of entries) {
    const fault = verifier.add(each, each.subjects);
    if (fault !== null) return [fault.kind, fault.sequence];
  }
  const fault = verifier.end(head);
  return fault === null ? null : [fault.kind, fault.sequence];
}
const replaced = (chain: MemoryChain, at: number, fields: Partial<Entries[number]>): Entries =>
  chain.entries.map((each) => (each.seq === at ? { ...each, ...fields } : each));

describe('a chain', () => {
  it('that nobody has touched verifies, whatever was written into it', () => {
    const odd = fc.oneof(
      fc.jsonValue({ noUnicodeString: false }),
      fc.double(),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
    );
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(odd, text), { maxLength: 8 }), (values) => {
        const chain = new MemoryChain('o');
        for (const [value, word] of values)
          chain.append({
            actor: { principal: null, address: word, requestId: word },
            action: word,
            targetType: word,
            targetId: word,
            changes: { [word]: { from: value as AuditValue, to: new Personal('name', word) } },
            details: { value: value as AuditValue },
          });
        expect(verify(chain)).toBeNull();
      }),
    );
  });

  it('verifies after people were erased', () => {
    const chain = chainOf(3);
    const erased = chain.entries.map((each) => ({
      ...each,
      subjects: new Map([...each.subjects.keys()].map((id) => [id, { id, text: null, salt: null }])),
    }));
    expect(verify(chain, erased)).toBeNull();
  });

  const chain = chainOf(5);
  const other = chainOf(5, 'another organisation');
  const third = chain.entries[2]!;
  const subject = [...third.subjects.values()][0]!;
  const column = (fields: object) => replaced(chain, 3, { columns: { ...third.columns!, ...fields } });
  const edited = third.text.replace('"changes":{"email"', '"changes":{"phone"');
  it.each<[string, Entries, [string, number]]>([
    ['an edited text', replaced(chain, 3, { text: edited }), ['edited', 3]],
    ['an edited text with its own hash', replaced(chain, 3, { text: edited, hash: entryHash(third.columns!.previousHash, edited) }), ['broken_link', 4]],
    ['an edited hash', replaced(chain, 3, { hash: 'f'.repeat(64) }), ['edited', 3]],
    ['a deleted entry', chain.entries.filter(({ seq }) => seq !== 3), ['missing', 3]],
    ['a deleted oldest entry', chain.entries.slice(1), ['missing', 1]],
    ['a deleted newest entry', chain.entries.slice(0, -1), ['missing', 5]],
    ['all entries deleted', [], ['missing', 1]],
    ['an inserted entry', [...chain.entries.slice(0, 3), { ...third, seq: 4 }, ...chain.entries.slice(3)], ['broken_link', 4]],
    ['an added newest entry', [...chain.entries, { ...chainOf(6).entries[5]! }], ['broken_link', 6]],
    ['a fork', [...chain.entries.slice(0, 3), third, ...chain.entries.slice(3)], ['forked', 3]],
    ['an entry of another organisation', other.entries, ['misplaced', 1]],
    ['entries out of order', [chain.entries[1]!, chain.entries[0]!], ['missing', 1]],
    ['a changed actor', column({ actor: 'somebody else' }), ['column_differs', 3]],
    ['a changed action', column({ action: 'member.removed' }), ['column_differs', 3]],
    ['a changed type of target', column({ targetType: 'key' }), ['column_differs', 3]],
    ['a changed target', column({ targetId: 'member 4' }), ['column_differs', 3]],
    ['a changed request', column({ requestId: null }), ['column_differs', 3]],
    ['a changed time', column({ atMs: 0 }), ['column_differs', 3]],
    ['a changed hash before', column({ previousHash: '0'.repeat(64) }), ['broken_link', 3]],
    ['a swapped name', replaced(chain, 3, { subjects: new Map([...third.subjects, [subject.id, { ...subject, text: 'x' }]]) }), ['subject_differs', 3]],
    ['a name without its salt', replaced(chain, 3, { subjects: new Map([...third.subjects, [subject.id, { ...subject, salt: null }]]) }), ['subject_differs', 3]],
    ['a missing name', replaced(chain, 3, { subjects: new Map() }), ['subject_missing', 3]],
  ])('shows %s', (_what, entries, fault) => {
    expect(verify(chain, entries)).toEqual(fault);
  }); // prettier-ignore

  it('shows a head that counts less, or has another hash', () => {
    expect(verify(chain, chain.entries, { ...chain.head, count: 4 })).toEqual(['head_differs', 5]);
    expect(verify(chain, chain.entries, { ...chain.head, lastHash: 'f'.repeat(64) })).toEqual(['head_differs', 5]);
  });
});

describe('an export', () => {
  const refusals = new MemoryChain('o', 'refusals');
  for (let n = 0; n < 2; n++)
    refusals.append({ actor: NOBODY, action: 'call.refused', targetType: 'route', targetId: 'GET /', details: { n } });
  const lines = exportOf(chainOf(4), refusals);

  it('verifies, also of chains without entries', async () => {
    expect(await verifyExport(lines)).toEqual({ fault: null, organizationId: 'o', verified: 6 });
    expect(await verifyExport(exportOf(new MemoryChain('o')))).toMatchObject({ fault: null, verified: 0 });
    expect(await verifyExport(exportOf(new MemoryChain('o'), refusals))).toMatchObject({ fault: null, verified: 2 });
  });

  it('shows every change of a character, but of the moment of the export', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(lines.length - 1),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        async (n, at, character) => {
          const line = lines[n]!;
          const place = at % line.length;
          const changed = line.slice(0, place) + character + line.slice(place + 1);
          const moment = line.indexOf('"exported_at"');
          if (changed === line || (n === 0 && place >= moment && place < moment + 42)) return;
          expect((await verifyExport(lines.with(n, changed))).fault).not.toBeNull();
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('shows every line that was removed, repeated or moved', async () => {
    for (let n = 0; n < lines.length; n++) {
      expect((await verifyExport(lines.toSpliced(n, 1))).fault, `without line ${n + 1}`).not.toBeNull();
      expect((await verifyExport(lines.toSpliced(n, 0, lines[n]!))).fault, `line ${n + 1} twice`).not.toBeNull();
      if (n > 0) {
        const moved = lines.with(n - 1, lines[n]!).with(n, lines[n - 1]!);
        expect((await verifyExport(moved)).fault, `line ${n + 1} before the one before it`).not.toBeNull();
      }
    }
  });

  it.each([
    ['nothing', []],
    ['an empty line', ['']],
    ['no JSON', ['x']],
    ['a list', ['[]']],
    ['null', ['null']],
    ['an entry alone', lines.slice(1)],
    ['an export with an empty line at its end', [...lines, '']],
    ['a field that occurs twice', lines.with(2, lines[2]!.replace('{"entry":', '{"entry":{},"entry":'))],
    ['a field that occurs twice in an entry', lines.with(2, lines[2]!.replace('"action":', '"action":"x","action":'))],
    ['a number that is written in another way', lines.with(2, lines[2]!.replace('"sequence":2', '"sequence":2.0'))],
  ])('is not %s', async (_what, wrong) => {
    expect((await verifyExport(wrong)).fault).not.toBeNull();
  });
});
