/**
 * What a character weighs, in sixtieths of a token, by its length in UTF-8. Latin text has some four characters in a
 * token. The figures of the others lie between what four bytes a token would make of them and what tokenizers do.
 */
const ASCII = 15, TWO_BYTES = 21, THREE_BYTES = 42, FOUR_BYTES = 90;
const UNITS_IN_TOKEN = 60;
const BACKSLASH = 0x5c, LOWER_U = 0x75;

/** Adds up the tokens of text that comes in pieces; a piece costs no memory, and pieces may cut characters. */
export class TextMeter {
  #units = 0;

  /** Text of which each character is one byte of UTF-8 (what `latin1` makes of a stream). */
  addLatin1(text: string, start: number, end: number): void {
    let units = (end - start) * ASCII;
    for (let at = start; at < end; at++) {
      const byte = text.charCodeAt(at);
      if (byte >= 0x80) units += weightOfByte(byte) - ASCII;
    }
    this.#units += units;
  }

  /** The same, of text as it stands between the quotes of JSON: an escape is the one character that it spells. */
  addJsonLatin1(text: string, start: number, end: number): void {
    let units = 0;
    for (let at = start; at < end; at++) {
      const byte = text.charCodeAt(at);
      if (byte >= 0x80) units += weightOfByte(byte);
      else if (byte !== BACKSLASH) units += ASCII;
      else if (text.charCodeAt(at + 1) !== LOWER_U) (units += ASCII), (at += 1);
      else (units += weightOfUnit(Number.parseInt(text.slice(at + 2, at + 6), 16))), (at += 5);
    }
    this.#units += units;
  }

  /** Text as it is. */
  addText(text: string): void {
    let units = text.length * ASCII;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit >= 0x80) units += weightOfUnit(unit) - ASCII;
    }
    this.#units += units;
  }

  /** Tokens so far; at least one for any text. */
  tokens(): number {
    return Math.ceil(this.#units / UNITS_IN_TOKEN);
  }
}

/** Tokens of a text, by the same measure. */
export function measureText(text: string): number {
  const meter = new TextMeter();
  meter.addText(text);
  return meter.tokens();
}

/** The first byte of a character weighs what the character does, those that follow nothing. */
function weightOfByte(byte: number): number {
  return byte >= 0xf0 ? FOUR_BYTES : byte >= 0xe0 ? THREE_BYTES : byte >= 0xc0 ? TWO_BYTES : 0;
}

/** Of UTF-16: of the two units of a character the first one weighs. */
function weightOfUnit(unit: number): number {
  if (unit >= 0xdc00 && unit <= 0xdfff) return 0;
  return unit >= 0xd800 && unit <= 0xdbff ? FOUR_BYTES : unit >= 0x800 ? THREE_BYTES : unit >= 0x80 ? TWO_BYTES : ASCII;
}
