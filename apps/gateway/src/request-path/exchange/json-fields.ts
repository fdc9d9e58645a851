/** The fields of an object as JSON, without its braces. */
export function jsonFields(fields: object): string {
  return JSON.stringify(fields).slice(1, -1);
}
