import { unreachable } from '@tollgate/errors';
import { isNull, isOneOf, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { OPEN_BRACE, QUOTE } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { CONTENT_FIELDS, PART_FIELDS, PART_KINDS, type ContentField, type PartField } from './message-fields.js';

const never = (): boolean => false;
const PART_NAMES = new NameTable<PartField>(PART_FIELDS, () => true, never);
const CONTENT_NAMES = new NameTable<ContentField>(
  CONTENT_FIELDS,
  () => true,
  ({ holds }) => holds === 'id',
);
const KINDS = PART_KINDS.map((kind) => ({ kind, bytes: [Buffer.from(`"${kind}"`)] }));

type Kind = (typeof PART_KINDS)[number];
type Holder = Extract<PartField['holds'], 'image' | 'audio' | 'file'>;

/** The type of the part whose content stands in each of these fields. */
const KIND_OF: Readonly<Record<Holder, Kind>> = { image: 'image_url', audio: 'input_audio', file: 'file' };

const TEXT_KINDS: ReadonlySet<Kind> = new Set(['text', 'refusal', 'thinking'] as const);

/** What a part turned out to be: text, content of a bounded size, or something whose cost is not known. */
export type PartFound = 'text' | 'unbounded' | MediaPart;

/** Reads one part of a message after another during the scan of a body. */
export class PartReader {
  readonly #names = new ObjectNames(PART_NAMES);
  #contentNames: ObjectNames<ContentField> | null = null;
  /** True while the list or object that is being read is the part's content, and not a note. */
  #inContent = false;
  #kind: Kind | null = null;
  #holder: Holder | null = null;
  #data: MediaPart['data'] = null;
  #detail: string | null = null;
  #isKnown = true;
  /** The field of the part that names a file of the provider's; null if none does. */
  idAt: string | null = null;

  /** Call it at the beginning of a part. */
  begin(): void {
    this.#names.begin();
    this.#kind = null;
    this.#holder = null;
    this.#data = null;
    this.#detail = null;
    this.#isKnown = true;
    this.idAt = null;
  }

  /** Takes the name of a field of the part. */
  name(bytes: Buffer, start: number, end: number): NameFault | null {
    return this.#names.take(bytes, start, end);
  }

  /** Takes the name of a field of the part's content. */
  contentName(bytes: Buffer, start: number, end: number): NameFault | null {
    if (!this.#inContent || this.#contentNames === null) return null;
    const fault = this.#contentNames.take(bytes, start, end);
    return fault && within(this.#names.field?.name ?? '', fault);
  }

  /** Takes the opening bracket of a field's value. */
  open(bytes: Buffer, at: number): void {
    const holds = this.#names.field?.holds;
    if (this.#names.field?.name === 'file_id') this.#noteId('file_id');
    this.#inContent = bytes[at] === OPEN_BRACE && isHolder(holds) && this.#holder === null;
    if (this.#inContent && isHolder(holds)) {
      this.#holder = holds;
      this.#contentNames ??= new ObjectNames(CONTENT_NAMES);
      this.#contentNames.begin();
    } else if (holds !== 'note') this.#isKnown = false;
  }

  /** Takes the opening bracket of something within the part's content. */
  openContent(): void {
    if (!this.#inContent) return;
    this.#isKnown = false;
    if (this.#contentNames?.field?.holds === 'id') this.#noteId(`${this.#names.field?.name ?? ''}.file_id`);
  }

  /** Takes the value of a field, which is no list or object. */
  scalar(bytes: Buffer, start: number, end: number): void {
    const holds = this.#names.field?.holds;
    switch (holds) {
      case 'kind':
        this.#kind = KINDS.find((each) => isOneOf(each.bytes, bytes, start, end))?.kind ?? null;
        return;
      case 'text':
        return this.#knownIf(bytes[start] === QUOTE || isNull(bytes, start));
      case 'note':
        return;
      case 'image':
        // Some servers take the address itself.
        if (bytes[start] === QUOTE && this.#holder === null) {
          this.#holder = 'image';
          this.#data = { start: start + 1, end: end - 1 };
          return;
        }
        return this.#knownIf(isNull(bytes, start));
      case 'audio':
      case 'file':
      case 'media':
      case undefined:
        if (!isNull(bytes, start) && this.#names.field?.name === 'file_id') this.#noteId('file_id');
        return this.#knownIf(isNull(bytes, start));
      default:
        return unreachable(holds);
    }
  }

  /** Takes the value of a field of the content. */
  contentScalar(bytes: Buffer, start: number, end: number): void {
    if (!this.#inContent) return;
    const holds = this.#contentNames?.field?.holds;
    const isText = bytes[start] === QUOTE;
    switch (holds) {
      case 'data':
        if (!isText || this.#data !== null) return this.#knownIf(isNull(bytes, start));
        this.#data = { start: start + 1, end: end - 1 };
        return;
      case 'detail': {
        const detail = valueAt(bytes, { start, end });
        if (typeof detail === 'string') this.#detail = detail;
        return this.#knownIf(detail === null || typeof detail === 'string');
      }
      case 'note':
        return;
      case 'id':
        if (!isNull(bytes, start)) this.#noteId(`${this.#names.field?.name ?? ''}.file_id`);
        return;
      case undefined:
        return this.#knownIf(isNull(bytes, start));
      default:
        return unreachable(holds);
    }
  }

  /** The part has ended. */
  found(): PartFound {
    if (!this.#isKnown || this.#kind === null) return 'unbounded';
    if (this.#holder === null) return TEXT_KINDS.has(this.#kind) ? 'text' : 'unbounded';
    if (KIND_OF[this.#holder] !== this.#kind || this.#data === null) return 'unbounded';
    return {
      kind: this.#holder === 'file' ? 'anything' : this.#holder,
      data: this.#data,
      detail: this.#detail,
    };
  }

  #noteId(field: string): void {
    this.idAt ??= field;
  }

  #knownIf(condition: boolean): void {
    if (!condition) this.#isKnown = false;
  }
}

function isHolder(holds: PartField['holds'] | undefined): holds is Holder {
  return holds === 'image' || holds === 'audio' || holds === 'file';
}
