/** A shorter credential is not searched for, because answers may contain it by chance. */
const LENGTH_MIN = 8;
/** A shorter part of a credential may match by chance, for example the prefix that all keys of a provider have. */
const PART_LENGTH_MIN = 12;
/** The beginning of all JSON escapes of ASCII characters. */
const ESCAPE = '\\u00';
/** Characters that no encoding of text changes, unless it encodes all characters. */
const PLAIN_RUN = /[A-Za-z0-9_-]+/g;
/**
 * JSON needs one backslash, and JSON within a JSON string three. The number is bounded, since answers may have long
 * runs of them.
 */
const BACKSLASHES = '\\\\{1,7}';
const BACKSLASH = 0x5c,
  LOWER_A = 0x61,
  LOWER_U = 0x75;
/** The length of `\u` and four digits. */
const ESCAPE_LENGTH = 6;

/**
 * Finds our credential for a provider in the answers of that provider, so that it never reaches a client: some servers
 * repeat the head of a request in their errors, and debug servers do so in their answers. Finds it unchanged, escaped
 * as in JSON (also JSON within JSON), and percent-encoded, in any mixture.
 *
 * Nearly all answers contain nothing of it, and cost two native searches: for the longest run of its characters that no
 * encoding changes, and for escapes. A credential of fewer than eight characters is not searched for.
 */
export class CredentialMask {
  readonly #run: string;
  readonly #spellings: RegExp;
  /** Finds a credential that arrives in pieces. */
  readonly parts: PartsPattern;
  /** Each text with half of the credential contains one of these parts, in lower case, hex or base64. */
  readonly #parts: readonly string[];
  readonly #partsInHex: readonly string[];
  readonly #partsInBase64: readonly string[];

  private constructor(credential: string) {
    const runs = credential.match(PLAIN_RUN) ?? [];
    const run = runs.reduce((longest, other) => (other.length > longest.length ? other : longest), '');
    // The native search stops at each first character, and capitals are the rarest in providers' texts.
    const capital = run.search(/[A-Z]/);
    this.#run = capital > 0 && capital < run.length / 2 ? run.slice(capital) : run;
    this.#spellings = new RegExp([...credential].map(spellingsOf).join(''), 'g');
    this.parts = new PartsPattern(credential);
    const parts = tellingParts(credential, this.parts.enough);
    this.#parts = parts.map((part) => part.toLowerCase());
    this.#partsInHex = parts.map((part) => Buffer.from(part).toString('hex'));
    this.#partsInBase64 = parts.flatMap((part) => [0, 1, 2].flatMap((before) => base64Within(part, before)));
  }

  /** Null if there is no credential, or if it is too short to be searched for. */
  static of(credential: string | null): CredentialMask | null {
    return credential === null || credential.length < LENGTH_MIN ? null : new CredentialMask(credential);
  }

  /** Whether a whole body contains the credential. Pass the body as latin1 in `text` if it is known already. */
  isIn(body: Buffer, text = body.toString('latin1')): boolean {
    return this.#mayHold(text) && text.search(this.#spellings) !== -1;
  }

  /**
   * Whether an error contains at least half of the credential, even cut short or in another encoding, or is in an
   * encoding that cannot be read here. Such an error is withheld as a whole: errors are rare, and this one is of no use
   * to a client.
   */
  isToldBy(error: Buffer): boolean {
    if (COMPRESSED.some((magic) => error.subarray(0, magic.length).equals(magic))) return true;
    // UTF-16 has a NUL beside each ASCII character.
    const text = error.toString('latin1').replaceAll('\0', '');
    const read = plain(text);
    const [written, readable] = [text.toLowerCase(), read.toLowerCase()];
    const digits = readable.replace(/0x|[^0-9a-f]/g, '');
    return (
      this.#parts.some((part) => written.includes(part) || readable.includes(part)) ||
      this.#partsInHex.some((part) => digits.includes(part)) ||
      this.#partsInBase64.some((part) => read.includes(part))
    );
  }

  /** Replaces each character of the credential by `*`. Returns the same text if there is none. */
  mask(text: string): string {
    return this.#mayHold(text) ? text.replace(this.#spellings, (found) => '*'.repeat(found.length)) : text;
  }

  /** Replaces each byte of the credential by `*`. */
  maskBody(body: Buffer): Buffer {
    return Buffer.from(this.mask(body.toString('latin1')), 'latin1');
  }

  #mayHold(text: string): boolean {
    return text.includes(this.#run) || text.includes(ESCAPE);
  }
}

/** A shorter part of a credential may be a word. */
const QUARTER_LENGTH_MIN = 8;

/**
 * Parts of a credential such that any half of it contains at least one: its second, third and last quarter. The first
 * quarter may be a prefix that all keys of a provider have. For a short credential these are its first and its last
 * characters.
 */
function tellingParts(credential: string, enough: number): string[] {
  const length = Math.floor(credential.length / 4);
  if (length < QUARTER_LENGTH_MIN) return [credential.slice(0, enough), credential.slice(-enough)];
  return [1, 2, 3].map((quarter) => credential.slice(quarter * length, (quarter + 1) * length));
}

/** The first bytes of bodies that are compressed with gzip and zstd. */
const COMPRESSED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];
const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  amp: '&',
  lt: '<',
  gt: '>',
  apos: "'",
  sol: '/',
  plus: '+',
  equals: '=',
};

/**
 * Replaces the escapes of JSON, URLs and HTML in a text by their characters, and removes white space. Repeated
 * backslashes are bounded as above.
 */
function plain(text: string): string {
  return text
    .replace(/\s+|\\{1,7}[nrt]/g, '')
    .replace(/\\{1,7}(?:u00|x)([0-9a-f]{2})/gi, (_, hex: string) => character(hex, 16))
    .replace(/\\{1,7}(["/])/g, '$1')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => character(hex, 16))
    .replace(/&#x0*([0-9a-f]{1,2});/gi, (_, hex: string) => character(hex, 16))
    .replace(/&#0*(\d{1,3});/g, (_, decimal: string) => character(decimal, 10))
    .replace(/&(\w{2,6});/g, (entity, name: string) => ENTITIES[name] ?? entity);
}

const character = (digits: string, base: 10 | 16): string => String.fromCharCode(Number.parseInt(digits, base));

/**
 * The base64 and base64url of a text that follows `before` other bytes, without the digits that it shares with its
 * neighbours.
 */
function base64Within(text: string, before: number): string[] {
  const bits = text.length * 8;
  const skipped = Math.ceil((before * 8) / 6);
  const spelt = Buffer.from('\0'.repeat(before) + text)
    .toString('base64')
    .slice(skipped, Math.floor((before * 8 + bits) / 6));
  return [spelt, spelt.replaceAll('+', '-').replaceAll('/', '_')];
}

/** A pattern for one ASCII character of a credential: as it is, escaped once or more, or percent-encoded. */
function spellingsOf(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  const hex = [...code].map((digit) => `[${digit}${digit.toUpperCase()}]`).join('');
  const literal = /\w/.test(character) ? character : `\\x${code}`;
  const escaped = /["/\\]/.test(character) ? `${BACKSLASHES}${literal}|` : '';
  return `(?:${escaped}${literal}|${BACKSLASHES}u00${hex}|%${hex})`;
}

/**
 * Finds a credential that arrives in pieces, over the deltas of a stream. At least half of it must arrive in order,
 * with nothing in between. The search is that of Knuth, Morris and Pratt; the state is the number of matched
 * characters.
 */
export class PartsPattern {
  readonly #failure: readonly number[];
  readonly #first: number;
  /** This many characters in order are no coincidence. A reader of fewer cannot guess the rest. */
  readonly enough: number;

  constructor(private readonly credential: string) {
    this.#first = credential.charCodeAt(0);
    this.enough = Math.min(credential.length, Math.max(Math.ceil(credential.length / 2), PART_LENGTH_MIN));
    const failure = [0];
    for (let at = 1, length = 0; at < credential.length; at++) {
      while (length > 0 && credential[at] !== credential[length]) length = failure[length - 1] ?? 0;
      if (credential[at] === credential[length]) length += 1;
      failure.push(length);
    }
    this.#failure = failure;
  }

  isEnough(state: number): boolean {
    return state >= this.enough;
  }

  /**
   * The state after a text that follows `state`. A credential that is completely inside the text does not count: it is
   * masked there.
   */
  after(state: number, text: string): number {
    let matched = state;
    for (let at = 0; at < text.length; at++) {
      matched = this.#step(matched, text.charCodeAt(at));
      if (matched < this.credential.length) continue;
      if (at + 1 < matched) return matched;
      matched = 0;
    }
    return matched;
  }

  /** The state after a text that is written between the quotes of JSON. */
  afterJson(state: number, text: string, start: number, end: number): number {
    let matched = state;
    /** Extra bytes of escapes, compared with the characters that they stand for. */
    let escaping = 0;
    for (let at = start; at < end; at++) {
      let code = text.charCodeAt(at);
      if (code === BACKSLASH) {
        const spelt = text.charCodeAt(at + 1);
        // An escaped quote, slash or backslash stands for itself, and a letter for white space.
        const digits = spelt === LOWER_U ? text.slice(at + 2, at + ESCAPE_LENGTH) : '0';
        code = spelt < LOWER_A ? spelt : Number.parseInt(digits, 16);
        const length = spelt === LOWER_U ? ESCAPE_LENGTH : 2;
        escaping += length - 1;
        at += length - 1;
      }
      if (matched === 0 && code !== this.#first) continue;
      matched = this.#step(matched, code);
      if (matched < this.credential.length) continue;
      if (at + 1 - start - escaping < matched) return matched;
      matched = 0;
    }
    return matched;
  }

  #step(state: number, code: number): number {
    let matched = state;
    while (matched > 0 && this.credential.charCodeAt(matched) !== code) matched = this.#failure[matched - 1] ?? 0;
    return this.credential.charCodeAt(matched) === code ? matched + 1 : matched;
  }
}
