const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  OPEN_BRACE = 0x7b,
  OPEN_BRACKET = 0x5b,
  ZERO = 0x30,
  NINE = 0x39,
  POINT = 0x2e,
  PLUS = 0x2b,
  LETTER_E = 0x65;

/** Counts the texts, numbers, objects and lists of a JSON document, up to `max`. Native searches pass over text. */
export function countNodes(json: Buffer, max: number): number {
  let nodes = 0;
  for (let at = 0; at < json.length && nodes <= max; at++) {
    const byte = json[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) nodes += 1;
    else if (isDigit(byte) && !isOfNumber(json[at - 1])) nodes += 1;
    if (byte !== QUOTE) continue;
    nodes += 1;
    at = closingQuote(json, at + 1);
  }
  return nodes;
}

function isDigit(byte = 0): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Whether a digit after this byte goes on with a number. A sign begins one, or its exponent. */
function isOfNumber(byte = 0): boolean {
  return isDigit(byte) || byte === POINT || byte === PLUS || (byte | 0x20) === LETTER_E;
}

function closingQuote(json: Buffer, from: number): number {
  for (let at = from; ; at += 1) {
    at = json.indexOf(QUOTE, at);
    if (at === -1) return json.length;
    let slash = at - 1;
    while (slash >= from && json[slash] === BACKSLASH) slash -= 1;
    if ((at - 1 - slash) % 2 === 0) return at;
  }
}
