import { findSecrets } from '@tollgate/api-key';
import { asLedgerText } from '@tollgate/contracts';

/** The kinds of texts about people that stand beside the chain and not in it. */
export const SUBJECT_KINDS = ['address', 'email', 'name'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** Nothing that is an address or a name is longer; the index of these texts must hold each of them. */
const PERSONAL_LENGTH_MAX = 500;

/**
 * A text about a person, such as an e-mail address. An entry has its id and a salted digest of it; the text itself
 * stands in `keys.audit_subject`, from which it can be erased while the chain stays as it is.
 */
export class Personal {
  readonly text: string;

  /** `about` is the id of the person if there is one: erasing a person erases all texts about them. */
  constructor(
    readonly kind: SubjectKind,
    text: string,
    readonly about: string = '',
  ) {
    this.text = withoutSecrets(asLedgerText(text)).slice(0, PERSONAL_LENGTH_MAX);
  }

  /** Equal for the same text of the same kind about the same person. */
  get key(): string {
    return JSON.stringify([this.kind, this.about, this.text]);
  }
}

/** What an entry can say about a change. Amounts are decimal strings: JSON's numbers are doubles. */
export type AuditValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Personal
  | readonly AuditValue[]
  | { readonly [name: string]: AuditValue };

/** Where the text of a `Personal` is kept, and the digest that binds it to the entry. */
export interface SubjectReference {
  readonly subject: string;
  /** HMAC-SHA256 of the text with the subject's salt, as 64 hex digits. */
  readonly digest: string;
}

/** Where an entry has a `SubjectReference`, this is the name of its only field. */
export const SUBJECT_FIELD = '$personal';

/** `Array.isArray` does not tell a read-only array apart. */
const isList = (value: object): value is readonly AuditValue[] => Array.isArray(value);

/** All personal texts in a value. */
export function personalIn(value: AuditValue): Personal[] {
  if (value instanceof Personal) return [value];
  if (value === null || typeof value !== 'object' || value instanceof Date) return [];
  return (isList(value) ? value : Object.values(value)).flatMap(personalIn);
}

/**
 * The value as canonical JSON, in the way of RFC 8785: no white space, fields in the order of their UTF-16 code units,
 * numbers as whole numbers. What JSON numbers do not hold exactly becomes a string, an undefined field is left out, and
 * a text that could be one of our secrets is replaced. Reading the result and writing it again gives the same bytes.
 */
export function canonicalJson(value: AuditValue, referenceOf: (personal: Personal) => SubjectReference): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (value instanceof Personal) {
    const { digest, subject } = referenceOf(value);
    return `{${JSON.stringify(SUBJECT_FIELD)}:${JSON.stringify({ digest, subject })}}`;
  }
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(withoutSecrets(asLedgerText(value)));
  if (typeof value === 'bigint') return JSON.stringify(value.toString());
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? (value + 0).toString() : JSON.stringify(String(value));
  if (isList(value)) return `[${value.map((each) => canonicalJson(each, referenceOf)).join(',')}]`;
  return canonicalObject(value, referenceOf);
}

function canonicalObject(
  value: Readonly<Record<string, AuditValue>>,
  referenceOf: (personal: Personal) => SubjectReference,
): string {
  const fields = new Map<string, string>();
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) fields.set(withoutSecrets(asLedgerText(name)), canonicalJson(field, referenceOf));
  }
  const ordered = [...fields].sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${ordered.map(([name, field]) => `${JSON.stringify(name)}:${field}`).join(',')}}`;
}

/** The canonical JSON of what was read from canonical JSON, in which personal texts are references already. */
export const canonicalAgain = (value: unknown): string =>
  canonicalJson(value as AuditValue, () => {
    throw new Error('what was read from JSON holds no personal text');
  });

function withoutSecrets(text: string): string {
  return findSecrets(text).reduce((masked, secret) => masked.replaceAll(secret, '[secret]'), text);
}
