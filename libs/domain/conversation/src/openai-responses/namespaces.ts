import { fieldsOf } from '../fields.js';

/**
 * OpenAI takes letters, digits, `_` and `-` in names of tools and of their namespaces, so that a dot divides the two.
 */
const DIVIDER = '.';
/**
 * What a name of a tool may be made of. Longer names than OpenAI's 64 characters are shortened where a target wants it.
 */
const NAME = /^[a-zA-Z0-9_-]+$/;

/** Whether Responses takes a text as the name of a tool or of a namespace. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name);
}

/** The one name of a tool that other dialects see: two namespaces may have tools with the same name. */
export function joinName(namespace: unknown, name: string): string {
  return isName(namespace) ? `${namespace}${DIVIDER}${name}` : name;
}

/** The fields of an item that names a tool. */
export function nameFields(joined: string): { readonly name: string; readonly namespace?: string } {
  const at = joined.indexOf(DIVIDER);
  const namespace = joined.slice(0, Math.max(at, 0));
  const name = joined.slice(at + 1);
  return isName(namespace) && isName(name) ? { name, namespace } : { name: joined };
}

/** The joined name in an item or a choice that names a tool; empty if it has none. */
export function nameOf(item: unknown): string {
  const { name, namespace } = fieldsOf(item);
  return typeof name === 'string' && name !== '' ? joinName(namespace, name) : '';
}
