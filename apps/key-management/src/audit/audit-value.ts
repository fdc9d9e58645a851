import { findSecrets } from '@tollgate/api-key';
import { asLedgerText } from '@tollgate/contracts';

/** The kinds of texts about people that stand beside the chain and not in it. */
export type SubjectKind = 'address' | 'email' | 'name';

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
const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);

/** All personal texts in a value. */
export function personalIn(value: AuditValue): Personal[] {
  if (value instanceof Personal) return [value];
  if (value === null || typeof value !== 'object' || value instanceof Date) return [];
  return (isList(value) ? value : Object.values(value)).flatMap(personalIn);
}

/** A value of JSON as an entry has it: its numbers are whole. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * The value as JSON can hold it exactly. A number that is not whole becomes a string, an undefined field is left out,
 * and a text that could be one of our secrets is replaced.
 */
export function jsonOf(value: AuditValue, referenceOf: (personal: Personal) => SubjectReference): Json {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Personal) return { [SUBJECT_FIELD]: { ...referenceOf(value) } };
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return withoutSecrets(asLedgerText(value));
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : String(value);
  if (isList(value)) return value.map((each) => jsonOf(each, referenceOf));
  // As own fields, whatever they are called: `fromEntries` makes `__proto__` one too.
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      field === undefined ? [] : [[withoutSecrets(asLedgerText(name)), jsonOf(field, referenceOf)]],
    ),
  );
}

/**
 * The one text of a JSON value, in the way of RFC 8785: no white space, and fields in the order of their UTF-16 code
 * units. Reading it and writing it again gives the same bytes. A number that is not whole would not: it becomes a
 * string.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : JSON.stringify(String(value));
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`;
}

function withoutSecrets(text: string): string {
  return findSecrets(text).reduce((masked, secret) => masked.replaceAll(secret, '[secret]'), text);
}
