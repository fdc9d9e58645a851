const BOM = '\ufeff';

/** The value of a reply in JSON, with or without a byte order mark; undefined if it is not JSON. */
export function parseReply(body: Buffer): unknown {
  try {
    const text = body.toString('utf8');
    return JSON.parse(text.startsWith(BOM) ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}
