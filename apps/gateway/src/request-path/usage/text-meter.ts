const LETTER = 15;

/**
 * What a byte of UTF-8 weighs, in sixtieths of a token. Four letters are a token, as everybody counts; the other
 * figures lie between that and what tokenizers make of such text, whose vocabularies differ most beyond Latin. The
 * first byte of a longer character weighs what the whole one does, those that follow nothing. The spec holds the
 * measure against a tokenizer.
 */
const WEIGHTS = weights();
const UNITS_IN_TOKEN = 60;
const BACKSLASH = 0x5c,
  LOWER_A = 0x61,
  LOWER_U = 0x75;
/** `\u` and four digits. */
const ESCAPE_LENGTH = 6;

/** Adds up the tokens of text that comes in pieces. A piece costs no memory, and pieces may cut characters. */
export class TextMeter {
  #units = 0;
  #length = 0;

  /** Characters so far: bytes of UTF-8, but for those that JSON escaped. */
  get length(): number {
    return this.#length;
  }

  /**
   * Text of which each character is one byte of UTF-8, as `latin1` makes it of a stream. What JSON spelled as an escape
   * is the character itself already.
   */
  addLatin1(text: string, start = 0, end = text.length): void {
    let units = 0;
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      units += code < 0x100 ? WEIGHTS[code]! : weightOf(code);
    }
    this.#length += end - start;
    this.#units += units;
  }

  /** The same, of what stands between the quotes of JSON: an escape is the one character that it spells. */
  addJsonLatin1(text: string, start = 0, end = text.length): void {
    let units = 0;
    let length = end - start;
    for (let at = start; at < end; at++) {
      const byte = text.charCodeAt(at);
      if (byte !== BACKSLASH) units += WEIGHTS[byte]!;
      else if (text.charCodeAt(at + 1) === LOWER_U) {
        units += weightOf(Number.parseInt(text.slice(at + 2, at + ESCAPE_LENGTH), 16));
        at += ESCAPE_LENGTH - 1;
        length -= ESCAPE_LENGTH - 1;
      } else {
        // A quote, a slash or a backslash stands for itself, a letter for white space.
        const spelled = text.charCodeAt(at + 1);
        units += spelled < LOWER_A ? WEIGHTS[spelled]! : LETTER;
        at += 1;
        length -= 1;
      }
    }
    this.#length += length;
    this.#units += units;
  }

  /** Text as it is. */
  addText(text: string): void {
    let units = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      units += unit < 0x80 ? WEIGHTS[unit]! : weightOf(unit);
    }
    this.#units += units;
  }

  /** Tokens so far: none without text, at least one for any. */
  tokens(): number {
    return Math.ceil(this.#units / UNITS_IN_TOKEN);
  }
}

/** Tokens of texts, by the same measure. */
export function measureTexts(texts: readonly string[]): number {
  const meter = new TextMeter();
  for (const text of texts) meter.addText(text);
  return meter.tokens();
}

/** The weight of the character of a unit of UTF-16; of the two units of one, the first has it. */
function weightOf(unit: number): number {
  if (unit < 0x80) return WEIGHTS[unit]!;
  if (unit < 0x800) return WEIGHTS[0xc0 | (unit >> 6)]!;
  if (unit >= 0xd800 && unit < 0xe000) return unit < 0xdc00 ? WEIGHTS[0xf0]! : 0;
  // Also what is no unit at all: a broken escape.
  return WEIGHTS[0xe0 | (unit >> 12)]!;
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
  // The scripts of India and Thai.
  units[0xe0] = 21;
  // Georgian, Khmer and other scripts of few texts; Vietnamese.
  units[0xe1] = 30;
  // Marks, arrows, signs of mathematics.
  units[0xe2] = 45;
  // Chinese, Japanese.
  units.fill(42, 0xe3, 0xea);
  // Korean; rare signs.
  units.fill(33, 0xea, 0xf0);
  // Emoji, rare signs.
  units.fill(90, 0xf0, 0xf8);
  return units;
}
