import type { JsonObject } from './dialect-codec.js';
import { parseJson } from './exact-json.js';

const NO_FIELDS: JsonObject = {};

/** Whether a value of a parsed document is an object, and neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of a value; none if it is no object. */
export function fieldsOf(value: unknown): JsonObject {
  return isObject(value) ? value : NO_FIELDS;
}

/** The items of a list; none if the value is no list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is text that is not empty, else null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The value if it is a finite number, else null. */
export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Parses JSON of an object, and keeps its numbers as they are written; null if the text is anything else. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether a text has nothing but spaces and line ends. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}
