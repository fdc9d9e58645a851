import type { Fault, JsonObject } from './dialect-codec.js';
import { fault } from './fault.js';
import { isObject } from './fields.js';

/**
 * Reads the fields of one object of a request. A field that is absent or null is null. A field of a wrong type is null
 * too, and the first one is kept as the `fault`: whoever reads checks it once, at the end.
 */
export class FieldReader {
  fault: Fault | null = null;

  /** `path` is the place of the object in the request, as `input[0]`; empty for the request itself. */
  constructor(
    private readonly fields: JsonObject,
    private readonly path: string,
  ) {}

  text(name: string): string | null {
    return this.read(name, 'a string', (value) => typeof value === 'string') as string | null;
  }

  number(name: string): number | null {
    return this.read(name, 'a number', (value) => Number.isFinite(value)) as number | null;
  }

  boolean(name: string): boolean | null {
    return this.read(name, 'true or false', (value) => typeof value === 'boolean') as boolean | null;
  }

  object(name: string): JsonObject | null {
    return this.read(name, 'an object', isObject) as JsonObject | null;
  }

  list(name: string): readonly unknown[] | null {
    return this.read(name, 'a list', Array.isArray) as readonly unknown[] | null;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value | null {
    const known: readonly unknown[] = values;
    return this.read(name, `one of ${values.join(', ')}`, (value) => known.includes(value)) as Value | null;
  }

  /** Keeps a fault of a field, unless there is one already. */
  refuse(name: string, message: string): void {
    this.fault ??= fault(this.pathOf(name), message);
  }

  /** Refuses each field that is neither known nor null. */
  only(known: ReadonlySet<string>, message: string): void {
    for (const [name, value] of Object.entries(this.fields))
      if (value !== null && value !== undefined && !known.has(name)) this.refuse(name, message);
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  private read(name: string, form: string, fits: (value: unknown) => boolean): unknown {
    const value = this.fields[name];
    if (value === undefined || value === null) return null;
    if (fits(value)) return value;
    this.refuse(name, `${this.pathOf(name)} must be ${form}.`);
    return null;
  }
}
