import fc from 'fast-check';
import type { ApiDocument, Documented, Json, Parameter } from './documented.js';

/** A request to be sent as it is. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

type Texts = fc.Arbitrary<string>;

/** Texts that have broken other services: controls, directions, prototypes, numbers and dates at their ends, quotes. */
const HOSTILE_TEXTS = [
  '', ' ', '\0', 'a\0b', '\ud800', 'a\udc00', '\u202e', '\u2028', '%', '%00', '%ED%A0%80', '\\', "'", '"', "' OR 1=1 --",
  '__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', '-0', '1e400', '9007199254740993', '-1', '1.5', '+275760-09-13T00:00:00.000Z',
  '275760-09-13T00:00:00Z', '0000-00-00T00:00:00Z', '2026-02-30T00:00:00Z', '9999-12-31T23:59:60Z', '..', '../..', '/', '{{7*7}}', '${7}', '<script>',
  'a@b', 'A@EXAMPLE.ORG', 'adm\u0131n@example.org', 'a\r\nb@example.org', '0'.repeat(300), 'x'.repeat(10_000), '\u{1f98a}', 'default', '00000000-0000-0000-0000-000000000000',
]; // prettier-ignore

const hostileText: Texts = fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string({ unit: 'binary', maxLength: 20 }));
/** Bare JSON of a value that fits few schemas. */
const hostileJson = fc.oneof(
  fc.constantFrom(
    'null', 'true', '0', '-1', '1e308', '1e400', '-0', '9007199254740993', '0.1', '[]', '{}', '[null]', '{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}',
    '"\\u0000"', '"\\ud800"', '{"a":1,"a":2}', '{"\\u0000":1}', `${'['.repeat(2_000)}${']'.repeat(2_000)}`, `[${'1,'.repeat(2_000)}1]`,
  ),
  hostileText.map((text) => JSON.stringify(text)),
); // prettier-ignore

/** Makes requests of a document's routes: as documented, and otherwise. */
export class Requests {
  /** Ids that replies have named: those of things that are there. */
  readonly #known: string[] = ['default'];

  constructor(
    private readonly document: ApiDocument,
    private readonly secret: string,
  ) {}

  /** Remembers the ids in a reply, so that later requests are about things that exist. */
  learn(value: unknown): void {
    if (this.#known.length >= 500 || typeof value !== 'object' || value === null) return;
    const { id, data } = value as { id?: unknown; data?: unknown };
    if (typeof id === 'string') this.#known.push(id);
    if (Array.isArray(data)) for (const each of data) this.learn(each);
  }

  /** A request of a route. */
  of(route: Documented): fc.Arbitrary<FuzzRequest> {
    return fc
      .record({
        path: this.#path(route),
        query: this.#query(route.parameters.filter((each) => each.in === 'query')),
        named: this.#headers(route.parameters.filter((each) => each.in === 'header')),
        credential: this.#credential(),
        body: route.body === null ? fc.constant(null) : this.#body(route.body),
      })
      .map(({ path, query, named, credential, body }) => ({
        method: route.method,
        path: path + query,
        headers: { ...named, ...credential, ...body?.headers },
        body: body?.bytes ?? null,
      }));
  }

  #credential(): fc.Arbitrary<Record<string, string>> {
    return fc.oneof(
      { weight: 30, arbitrary: fc.constant<Record<string, string>>({ authorization: `Bearer ${this.secret}` }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Record<string, string>[]>(
          {},
          { authorization: 'Basic eDp5' },
          { authorization: 'Bearer' },
        ),
      },
    );
  }

  #path({ template }: Documented): Texts {
    const segments = template
      .split('/')
      .map((segment) =>
        segment.startsWith('{')
          ? fc.oneof(
              { weight: 5, arbitrary: fc.constant(null).chain(() => fc.constantFrom(...this.#known)) },
              { weight: 2, arbitrary: fc.uuid() },
              { weight: 2, arbitrary: hostileText.map(encoded).filter((text) => text !== '' && !/^\.+$/.test(text)) },
            )
          : fc.constant(segment),
      );
    return fc.tuple(...segments).map((parts) => parts.join('/'));
  }

  #query(parameters: readonly Parameter[]): Texts {
    const pairs = parameters.map(({ name, required, schema }) =>
      fc.tuple(
        fc.constant(name),
        fc.oneof(
          { weight: required ? 1 : 4, arbitrary: fc.constant(null) },
          { weight: 4, arbitrary: this.value(schema).map((value) => (typeof value === 'string' ? value : JSON.stringify(value))) },
          { weight: 2, arbitrary: hostileText },
        ),
      ),
    ); // prettier-ignore
    const extra = fc.oneof(
      { weight: 12, arbitrary: fc.constant([] as [string, string][]) },
      { weight: 1, arbitrary: fc.array(fc.tuple(hostileText, hostileText), { minLength: 1, maxLength: 2 }) },
    );
    return fc.tuple(fc.tuple(...pairs), extra).map(([own, others]) => {
      const given = [...own.flatMap(([name, value]) => (value === null ? [] : [[name, value]])), ...others];
      const text = given.map(([name = '', value = '']) => `${encoded(name)}=${encoded(value)}`).join('&');
      return text === '' ? '' : `?${text}`;
    });
  }

  #headers(parameters: readonly Parameter[]): fc.Arbitrary<Record<string, string>> {
    const pairs = parameters.map(({ name, schema }) =>
      fc.tuple(
        fc.constant(name),
        fc.oneof(
          { weight: 10, arbitrary: fc.constant(null) },
          { weight: 2, arbitrary: this.value(schema).map(String).map(sendable) },
          { weight: 2, arbitrary: hostileText.map(sendable) },
        ),
      ),
    );
    return fc
      .tuple(...pairs)
      .map((given) => Object.fromEntries(given.filter((pair): pair is [string, string] => pair[1] !== null)));
  }

  #body(schema: Json): fc.Arbitrary<{ bytes: Buffer; headers: Record<string, string> }> {
    const json = { 'content-type': 'application/json' };
    const valid = this.value(schema).map((value) => JSON.stringify(value) ?? 'null');
    const bent = fc
      .tuple(this.value(schema), fc.nat(), hostileJson, fc.boolean())
      .map(([value, at, hostile, added]) => bend(value, at, hostile, added));
    const asJson = (bytes: string | Uint8Array) => ({ bytes: Buffer.from(bytes), headers: json });
    const cut = fc.tuple(valid, fc.nat(40)).map(([text, at]) => text.slice(0, at));
    const otherTypes = fc.constantFrom('text/plain', 'application/xml', 'x', 'multipart/form-data');
    return fc.oneof(
      { weight: 6, arbitrary: valid.map(asJson) },
      { weight: 6, arbitrary: bent.map(asJson) },
      { weight: 1, arbitrary: hostileJson.map(asJson) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map(asJson) },
      { weight: 1, arbitrary: cut.map(asJson) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(valid, otherTypes)
          .map(([text, type]) => ({ bytes: Buffer.from(text), headers: { 'content-type': type } })),
      },
    );
  }

  /** A value that a schema describes. */
  value(schema: Json, depth = 0): fc.Arbitrary<unknown> {
    const reference = schema['$ref'];
    if (typeof reference === 'string') return this.value(this.#resolve(reference), depth);
    if ('const' in schema) return fc.constant(schema['const']);
    if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
    const choices = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined;
    if (choices !== undefined) return fc.oneof(...choices.map((each) => this.value(each, depth)));
    const type = Array.isArray(schema['type']) ? (schema['type'] as string[])[0] : schema['type'];
    switch (type) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return fc.array(this.value((schema['items'] ?? {}) as Json, depth + 1), {
          minLength: Number(schema['minItems'] ?? 0),
          maxLength: Math.min(Number(schema['maxItems'] ?? 3), Number(schema['minItems'] ?? 0) + 3),
        });
      case 'integer':
        return fc.integer({
          min: Math.max(Number(schema['minimum'] ?? schema['exclusiveMinimum'] ?? -5), -(2 ** 31)),
          max: Math.min(Number(schema['maximum'] ?? 1_000), 2 ** 31 - 1),
        });
      case 'number':
        return fc.double({ min: Number(schema['minimum'] ?? 0), max: Number(schema['maximum'] ?? 1e6), noNaN: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'string':
        return textOf(schema);
      default:
        return fc.oneof(fc.constant(null), hostileText);
    }
  }

  #object(schema: Json, depth: number): fc.Arbitrary<unknown> {
    const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Json>);
    const shape = Object.fromEntries(properties.map(([name, each]) => [name, this.value(each, depth + 1)]));
    return fc.record(shape, { requiredKeys: ((schema['required'] ?? []) as string[]).filter((name) => name in shape) });
  }

  #resolve(reference: string): Json {
    return reference
      .split('/')
      .slice(1)
      .reduce<Json>((at, part) => at[part] as Json, this.document as unknown as Json);
  }
}

function textOf(schema: Json): fc.Arbitrary<string> {
  const minLength = Number(schema['minLength'] ?? 0);
  const maxLength = Math.min(Number(schema['maxLength'] ?? 30), minLength + 30);
  switch (schema['format']) {
    case 'uuid':
      return fc.uuid();
    case 'date-time':
      return fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
    case 'email':
      return fc.stringMatching(/^[a-z]{1,8}@[a-z]{1,8}\.example$/);
    default:
      if (typeof schema['pattern'] !== 'string') return fc.string({ minLength, maxLength });
      return fc.stringMatching(new RegExp(schema['pattern'])).filter((text) => text.length <= 300);
  }
} // prettier-ignore

/** Text of JSON in which one field is another value, or one more field is there. */
function bend(value: unknown, at: number, hostile: string, added: boolean): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return hostile;
  const fields = Object.entries(value);
  if (added || fields.length === 0)
    fields.push([['unknown', '__proto__', 'id', 'organization_id'][at % 4] ?? 'x', null]);
  const changed = added ? fields.length - 1 : at % fields.length;
  return `{${fields
    .map(([name, each], n) => `${JSON.stringify(name)}:${n === changed ? hostile : (JSON.stringify(each) ?? 'null')}`)
    .join(',')}}`;
}

/** As `encodeURIComponent`, which refuses halves of surrogate pairs; what is encoded already stays so. */
function encoded(text: string): string {
  if (/^(%[0-9A-F]{2})+$/.test(text)) return text;
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}

/** What Node.js lets a header have. */
const sendable = (text: string): string => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim();
