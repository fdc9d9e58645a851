const LETTER = 15;

/**
 * The weight of each UTF-8 byte, in sixtieths of a token. Four letters make a token, as is common. The other figures
 * lie between that and the results of tokenizers, whose vocabularies differ most beyond Latin. The first byte of a
 * longer character has the weight of the whole character, and the following bytes have none. The spec compares the
 * measure with a tokenizer.
 */
const WEIGHTS = weights();
const UNITS_IN_TOKEN = 60;
const BACKSLASH = 0x5c,
  LOWER_A = 0x61,
  LOWER_U = 0x75;
/** The length of `\u` and four digits. */
const ESCAPE_LENGTH = 6;

/** Adds up the tokens of text that arrives in pieces. It keeps no text, and a piece may end within a character. */
export class TextMeter {
  #units = 0;
  #length = 0;

  /** Characters so far, counted as UTF-8 bytes; a JSON escape counts as one. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds text whose characters are each one UTF-8 byte, as `latin1` decodes a stream. Characters that JSON had escaped
   * are in it as themselves.
   */
  addLatin1(text: string, start = 0, end = text.length): void {
    let units = 0;
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      units += code < 0x100 ? (WEIGHTS[code] ?? 0) : weightOf(code);
    }
    this.#length += end - start;
    this.#units += units;
  }

  /**
   * Adds text as it is written between the quotes of JSON: an escape counts as the one character that it stands for.
   */
  addJsonLatin1(text: string, start = 0, end = text.length): void {
    let units = 0;
    let length = end - start;
    for (let at = start; at < end; at++) {
      const byte = text.charCodeAt(at);
      if (byte !== BACKSLASH) units += WEIGHTS[byte] ?? 0;
      else if (text.charCodeAt(at + 1) === LOWER_U) {
        units += weightOf(Number.parseInt(text.slice(at + 2, at + ESCAPE_LENGTH), 16));
        at += ESCAPE_LENGTH - 1;
        length -= ESCAPE_LENGTH - 1;
      } else {
        // An escaped quote, slash or backslash stands for itself, and a letter for white space.
        const spelled = text.charCodeAt(at + 1);
        units += spelled < LOWER_A ? (WEIGHTS[spelled] ?? 0) : LETTER;
        at += 1;
        length -= 1;
      }
    }
    this.#length += length;
    this.#units += units;
  }

  /** Adds text in UTF-16. */
  addText(text: string): void {
    let units = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      units += unit < 0x80 ? (WEIGHTS[unit] ?? 0) : weightOf(unit);
    }
    this.#units += units;
  }

  /** Tokens so far: 0 without text, otherwise at least 1. */
  tokens(): number {
    return Math.ceil(this.#units / UNITS_IN_TOKEN);
  }
}

/** Counts the tokens of texts by the same measure. */
export function measureTexts(texts: readonly string[]): number {
  const meter = new TextMeter();
  for (const text of texts) meter.addText(text);
  return meter.tokens();
}

/**
 * The weight of the character that a UTF-16 unit belongs to. In a surrogate pair the first unit has the whole weight.
 */
function weightOf(unit: number): number {
  if (unit < 0x80) return WEIGHTS[unit] ?? 0;
  if (unit < 0x800) return WEIGHTS[0xc0 | (unit >> 6)] ?? 0;
  if (unit >= 0xd800 && unit < 0xe000) return unit < 0xdc00 ? (WEIGHTS[0xf0] ?? 0) : 0;
  // NaN, which a broken escape gives, also ends here.
  return WEIGHTS[0xe0 | (unit >> 12)] ?? 0;
}

function weights(): Uint8Array {
  const units = new Uint8Array(256).fill(LETTER, 0, 0x80);
  for (let byte = 0x21; byte < 0x7f; byte++) {
    const character = String.fromCharCode(byte);
    if (/[A-Z]/.test(character)) units[byte] = 22;
    else if (/\d/.test(character)) units[byte] = 21;
    else if (!/[a-z]/.test(character)) units[byte] = 27;
  }
  // Latin with accents, Greek, Cyrillic, Hebrew, Arabic.
  units.fill(21, 0xc0, 0xe0);
  // The scripts of India, and Thai.
  units[0xe0] = 21;
  // Georgian, Khmer and other scripts with few texts; Vietnamese.
  units[0xe1] = 30;
  // Marks, arrows, mathematical signs.
  units[0xe2] = 45;
  // Chinese, Japanese.
  units.fill(42, 0xe3, 0xea);
  // Korean; rare signs.
  units.fill(33, 0xea, 0xf0);
  // Emoji, rare signs.
  units.fill(90, 0xf0, 0xf8);
  return units;
}
