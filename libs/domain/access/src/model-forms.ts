/** How often `%xx` is undone: a name may have been encoded once by each of several relays. */
const DECODED_TIMES_MAX = 3;
/** How many suffixes are taken off a name. */
const SUFFIXES_MAX = 6;
/** The longest suffix, such as the name of who serves the model at Hugging Face, with room to spare. */
const SUFFIX_CHARACTERS_MAX = 40;

/**
 * What providers put behind a model's name to name one build of it, or one way of serving it: a date or version, the
 * length of its context at Bedrock (`:200k`), and any word after a colon, since OpenRouter (`:nitro`) and Hugging Face
 * (`:fireworks-ai`) take new ones. Words with digits stay, as Ollama's sizes do (`:70b`).
 */
const SUFFIX =
  /(?:[-.@:](?:latest|\d{3,4}|\d{6}|\d{8}|\d{4}-\d\d-\d\d|\d\d-\d\d|\d\d-\d{4}|v\d+[-.:]\d+)|:[a-z][a-z-]*|:\d+k|@[a-z]+)$/;
/** What Bedrock puts before a model's name: who made it, and the region that serves it (`us.anthropic.`). */
const DOTTED_PREFIXES = /^(?:[a-z][a-z-]*\.)+(?=[a-z])/;
/**
 * Names of no single model: lists, OpenRouter's presets, and routers, which choose a model on their own (`auto`,
 * `model-router`, and whatever else has no maker but `openrouter`).
 */
const NO_SINGLE_MODEL = /[,;|]|@preset|(?:^|\/)(?:auto(?:-[^/]*)?|(?:[^/]*-)?router)$|^openrouter\/[^/]+$/;

/** A letter or digit that is not ASCII, of a script that has look-alikes of ASCII letters, or of no script at all. */
const LOOK_ALIKE =
  /(?![0-9a-z])[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Armenian}\p{sc=Georgian}\p{sc=Cherokee}\p{sc=Coptic}\p{sc=Lisu}\p{N}\p{Lm}]/u;

/** The forms of a model's name by which a provider may know the model. */
export interface ModelForms {
  /** Letters and digits alone, in lower case: of the whole name and of its last part, with and without suffixes. */
  readonly forms: readonly string[];
  /** Whether it has letters or digits that look like others: which model it names to a provider cannot be told. */
  readonly hasLookAlikes: boolean;
  /** Whether it names no single model: whoever reads it chooses one. */
  readonly isChoice: boolean;
}

/**
 * The forms of a name under which providers may read it as the same model: without regard to case, to Unicode's normal
 * form, to spaces, marks and punctuation, to percent-encoding, to `provider/` and `region.maker.` before it, and to
 * what names one build of the model behind it (`-2024-08-06`, `-latest`, `:free`, `@20241022`, `#deployment`). Two
 * names that share a form may be one model.
 *
 * @example
 * modelForms('OpenAI/GPT-4o-2024-08-06').forms; // ['openaigpt4o20240806', 'openaigpt4o', 'gpt4o20240806', 'gpt4o']
 */
export function modelForms(name: string): ModelForms {
  const plain = plainText(name);
  const forms = new Set<string>();
  const wholes = [plain, withoutDeployment(plain)];
  for (const whole of wholes) {
    const parts = whole.split('/').filter((part) => /[\p{L}\p{N}]/u.test(part));
    const last = parts.at(-1) ?? '';
    for (const text of [parts.join('/'), last, last.replace(DOTTED_PREFIXES, '')]) {
      forms.add(lettersAndDigits(text));
      forms.add(lettersAndDigits(withoutSuffixes(text)));
    }
  }
  forms.delete('');
  const isChoice = wholes.some((whole) => NO_SINGLE_MODEL.test(whole) || NO_SINGLE_MODEL.test(withoutSuffixes(whole)));
  return { forms: [...forms], hasLookAlikes: LOOK_ALIKE.test(plain), isChoice };
}

/** A pattern in the form that `modelForms` gives to names; each `*` stays what it is. */
export function patternForm(pattern: string): string {
  return pattern
    .split('*')
    .map((part) => lettersAndDigits(plainText(part)))
    .join('*');
}

/** What is behind the last letter or digit. */
const ENDS_WITHOUT_LETTER = /[^\p{L}\p{N}]+$/u;

/** Lower case, without marks and invisible characters; dashes, spaces and slashes of all kinds are `-` and `/`. */
export function plainText(name: string): string {
  // Wide digits and letters may say what a percent sign encodes, and be what one has encoded.
  return decoded(decoded(name).normalize('NFKD'))
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replace(/[\\\u2044\u2215\u29f5\u29f8]/g, '/')
    .replace(/[\p{Pd}\p{Pc}\s\u2212]/gu, '-')
    .replace(ENDS_WITHOUT_LETTER, '');
}

function decoded(name: string): string {
  let text = name;
  for (let times = 0; times < DECODED_TIMES_MAX && text.includes('%'); times++) {
    const once = text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
      try {
        return decodeURIComponent(bytes);
      } catch {
        return bytes;
      }
    });
    if (once === text) break;
    text = once;
  }
  return text;
}

/** A plain text without a deployment of the model (`#deployment`), before which there may be a space. */
export function withoutDeployment(plain: string): string {
  return (plain.split('#', 1)[0] ?? '').replace(ENDS_WITHOUT_LETTER, '');
}

/** A plain text without what names one build of a model, or one way of serving it. */
export function withoutSuffixes(text: string): string {
  let rest = text;
  for (let taken = 0; taken < SUFFIXES_MAX; taken++) {
    const from = Math.max(1, rest.length - SUFFIX_CHARACTERS_MAX);
    const found = SUFFIX.exec(rest.slice(from));
    if (found === null) break;
    // Between two suffixes there may be a space, which is a dash by now.
    rest = rest.slice(0, from + found.index).replace(ENDS_WITHOUT_LETTER, '');
  }
  return rest;
}

const lettersAndDigits = (text: string): string => text.replace(/[^\p{L}\p{N}]+/gu, '');
