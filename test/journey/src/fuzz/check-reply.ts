import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { contentOf, type ApiDocument, type Documented, type Json } from './documented.js';

/** A reply as it came. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Others, such as lines of JSON, have no schema. */
const JSON_TYPES = ['application/json', 'application/problem+json'];

/** Holds replies to a document. */
export class ReplyCheck {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(private readonly document: ApiDocument) {}

  /** What is wrong with a reply of a route; null where it is as the document has it. */
  faultOf(route: Documented, reply: Reply): string | null {
    const { status, headers } = reply;
    if (status >= 500 && (status !== 503 || headers['retry-after'] === undefined)) return `status ${status}`;
    const documented = route.responses[String(status)];
    if (documented === undefined) return `status ${status} is not documented`;
    if (typeof headers['x-request-id'] !== 'string') return 'no x-request-id';
    const content = contentOf(documented);
    if (Object.keys(content).length === 0) return reply.body.length === 0 ? null : 'a body that is not documented';
    const mediaType =
      String(headers['content-type'] ?? '')
        .split(';')[0]
        ?.trim() ?? '';
    const described = content[mediaType];
    if (described === undefined) return `the media type ${mediaType} is not documented`;
    if (!JSON_TYPES.includes(mediaType)) return null;
    return this.#bodyFault(`${route.id} ${status} ${mediaType}`, described.schema ?? {}, reply.body);
  }

  #bodyFault(name: string, schema: Json, body: Buffer): string | null {
    let value: unknown;
    try {
      value = JSON.parse(body.toString());
    } catch {
      return 'the body is no JSON';
    }
    let validate = this.#validators.get(name);
    if (validate === undefined) {
      // References of the schema begin at the document, so its components come along.
      validate = this.#ajv.compile({ allOf: [schema], components: this.document.components });
      this.#validators.set(name, validate);
    }
    if (validate(value)) return null;
    return `the body is not as documented: ${this.#ajv.errorsText(validate.errors)}`;
  }
}
