import { unreachable } from '@tollgate/errors';
import { OPEN_BRACE, QUOTE, type Span } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { CONTENT_FIELDS, PART_FIELDS, PART_KINDS, type PartField } from './item-fields.js';

const PART_NAMES = new NameTable<PartField>(
  PART_FIELDS,
  () => true,
  ({ holds }) => holds === 'id' || holds === 'sealed',
);
const CONTENT_NAMES = new NameTable(
  CONTENT_FIELDS,
  () => true,
  () => false,
);

type Holder = Extract<PartField['holds'], 'image' | 'audio' | 'file'>;

/** What a part turned out to be: text, content of a bounded size, or something whose cost is not known. */
export type PartFound = 'text' | 'unbounded' | MediaPart;

/** Reads one part of an item after another during the scan of a body. */
export class PartReader {
  readonly #names = new ObjectNames(PART_NAMES);
  readonly #contentNames = new ObjectNames(CONTENT_NAMES);
  #inContent = false;
  /** What the type of the part contains; undefined for a type that is not known, null without a type. */
  #kind: (typeof PART_KINDS)[string] | null | undefined = null;
  #holder: Holder | null = null;
  #data: MediaPart['data'] = null;
  #detail: string | null = null;
  #isKnown = true;
  /** The field of the part that names a file of the provider's; null if none does. */
  idAt: string | null = null;
  /** The text that only its maker can read, with its quotes; null if the part has none. */
  seal: Span | null = null;

  /** Call it at the beginning of a part. */
  begin(): void {
    this.#names.begin();
    this.#inContent = false;
    this.#kind = null;
    this.#holder = null;
    this.#data = null;
    this.#detail = null;
    this.#isKnown = true;
    this.idAt = null;
    this.seal = null;
  }

  /** Takes the name of a field of the part. */
  name(bytes: Buffer, start: number, end: number): NameFault | null {
    return this.#names.take(bytes, start, end);
  }

  /** True while the value of a note is read, in which names mean nothing to a provider. */
  get inNote(): boolean {
    return this.#names.field?.holds === 'note';
  }

  /** Takes the name of a field of the part's content. */
  contentName(bytes: Buffer, start: number, end: number): NameFault | null {
    if (!this.#inContent) return null;
    const fault = this.#contentNames.take(bytes, start, end);
    return fault && within(this.#names.field?.name ?? '', fault);
  }

  /** Takes the opening bracket of a field's value. */
  open(bytes: Buffer, at: number): void {
    const field = this.#names.field;
    const holds = field?.holds;
    this.#inContent = bytes[at] === OPEN_BRACE && (holds === 'image' || holds === 'audio') && this.#holder === null;
    if (this.#inContent) {
      this.#holder = holds as Holder;
      this.#contentNames.begin();
    } else if (holds === 'id') this.idAt ??= field?.name ?? null;
    else if (holds !== 'note') this.#isKnown = false;
  }

  /** Takes the opening bracket of something within the part's content. */
  openContent(): void {
    if (this.#inContent) this.#isKnown = false;
  }

  /** Takes the value of a field, which is no list or object. */
  scalar(bytes: Buffer, start: number, end: number): void {
    const field = this.#names.field;
    const holds = field?.holds;
    switch (holds) {
      case 'kind': {
        const kind = valueAt(bytes, { start, end });
        if (kind !== null) this.#kind = typeof kind === 'string' ? kindOf(kind) : undefined;
        return;
      }
      case 'text':
        return this.#knownIf(bytes[start] === QUOTE || isNull(bytes, start));
      case 'sealed':
        if (bytes[start] !== QUOTE) return this.#knownIf(isNull(bytes, start));
        this.seal = { start, end };
        return;
      case 'detail':
        return this.#takeDetail(bytes, start, end);
      case 'note':
        return;
      case 'image':
      case 'file':
        if (bytes[start] !== QUOTE || this.#holder !== null) return this.#knownIf(isNull(bytes, start));
        this.#holder = holds;
        this.#data = { start: start + 1, end: end - 1 };
        return;
      case 'id':
        if (!isNull(bytes, start)) this.idAt ??= field?.name ?? null;
        return;
      case 'audio':
      case undefined:
        return this.#knownIf(isNull(bytes, start));
      default:
        return unreachable(holds);
    }
  }

  /** Takes the value of a field of the content. */
  contentScalar(bytes: Buffer, start: number, end: number): void {
    if (!this.#inContent) return;
    const holds = this.#contentNames.field?.holds;
    switch (holds) {
      case 'data':
        if (bytes[start] !== QUOTE || this.#data !== null) return this.#knownIf(isNull(bytes, start));
        this.#data = { start: start + 1, end: end - 1 };
        return;
      case 'detail':
        return this.#takeDetail(bytes, start, end);
      case 'note':
        return;
      case undefined:
        return this.#knownIf(isNull(bytes, start));
      default:
        return unreachable(holds);
    }
  }

  /** The part has ended. */
  found(): PartFound {
    const kind = this.#kind ?? (this.#kind === null ? 'text' : undefined);
    if (!this.#isKnown || kind === undefined) return 'unbounded';
    if (this.#holder === null) return kind === 'text' ? 'text' : 'unbounded';
    if (this.#holder !== kind || this.#data === null) return 'unbounded';
    return { kind: kind === 'file' ? 'anything' : kind, data: this.#data, detail: this.#detail };
  }

  #takeDetail(bytes: Buffer, start: number, end: number): void {
    const detail = valueAt(bytes, { start, end });
    if (typeof detail === 'string') this.#detail = detail;
    this.#knownIf(detail === null || typeof detail === 'string');
  }

  #knownIf(condition: boolean): void {
    if (!condition) this.#isKnown = false;
  }
}

function kindOf(type: string): (typeof PART_KINDS)[string] | undefined {
  return Object.hasOwn(PART_KINDS, type) ? PART_KINDS[type] : undefined;
}
