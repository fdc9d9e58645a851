import { hash } from 'node:crypto';
import type { Conversation, Turn } from './conversation.js';
import type { NameMap } from './dialect-codec.js';

/** What a provider takes as a name or an id. */
export interface NameRule {
  /** Finds each character that is not allowed. */
  readonly refused: RegExp;
  /** In UTF-16 units. */
  readonly lengthMax: number;
  /** True if each name has `lengthMax` characters. A made name is then a digest, of letters and digits. */
  readonly isExact?: boolean;
}

const NOT_A_WORD = /[^a-zA-Z0-9_-]/g;
/** Matches nothing. */
const NOTHING = /(?!)/g;

/** Functions of OpenAI: `platform.openai.com/docs/api-reference/chat/create`, `tools[].function.name`. */
export const OPENAI_TOOL_NAMES: NameRule = { refused: NOT_A_WORD, lengthMax: 64 };
/** Tools of Anthropic: `platform.claude.com/docs/en/api/messages`, `tools[].name`. */
export const ANTHROPIC_TOOL_NAMES: NameRule = { refused: NOT_A_WORD, lengthMax: 128 };
/**
 * Ids of calls in OpenAI's chat. The reference names no bound, but longer ids were answered "string too long. Expected
 * a string with maximum length 40". Any character passes: Kimi's ids are like `functions.Bash:0`, and it wants them
 * back.
 */
export const OPENAI_CHAT_CALL_IDS: NameRule = { refused: NOTHING, lengthMax: 40 };
/** Ids of calls at Mistral, which answers others: "must be a-z, A-Z, 0-9, with a length of 9". */
export const MISTRAL_CALL_IDS: NameRule = { refused: /[^a-zA-Z0-9]/g, lengthMax: 9, isExact: true };
/** Ids of calls in OpenAI's Responses, `call_id`: 1 to 64 characters. */
export const OPENAI_RESPONSES_CALL_IDS: NameRule = { refused: NOTHING, lengthMax: 64 };
/** Ids of calls at Anthropic: `^[a-zA-Z0-9_-]+$`, of any length. */
export const ANTHROPIC_CALL_IDS: NameRule = { refused: NOT_A_WORD, lengthMax: Infinity };

/** OpenAI answers longer values of `user`: "string too long. Expected a string with maximum length 64". */
export const OPENAI_USERS: NameRule = { refused: NOTHING, lengthMax: 64 };
/** `metadata.user_id` of Anthropic has at most 256 characters, and no addresses of mail: they have none of these. */
export const ANTHROPIC_USERS: NameRule = { refused: NOT_A_WORD, lengthMax: 256 };

/** Characters of the digest in a name that was changed: 48 bits. */
const DIGEST_LENGTH = 12;
/** The longest name that is made where the rule has no bound. */
const MADE_LENGTH_MAX = 64;

/** The names of a request's tools as the provider is sent them, and back. */
export interface ToolNames extends NameMap {
  /** The name that the provider is sent for the caller's name. */
  sent(original: string): string;
}

/**
 * Makes the names of tools fit a rule. A name that fits stays as it is. One of a namespace, as `mail.search`, becomes
 * `mail__search`, which a model reads well, unless another tool has that name. Any other becomes its allowed
 * characters, cut, and a digest of the whole name, so that two long names with the same beginning stay two. The same
 * name becomes the same in each request, which keeps a provider's cached prefixes.
 */
export function toolNames(
  tools: readonly { readonly name: string; readonly custom: boolean }[],
  rule: NameRule,
): ToolNames {
  const sent = fitting(
    tools.map(({ name }) => name),
    rule,
    (name) => name.replaceAll('.', '__'),
  );
  const originals = new Map([...sent].map(([original, name]) => [name, original]));
  const customs = new Set(tools.filter(({ custom }) => custom).map(({ name }) => sent.get(name)));
  return {
    sent: (original) => sent.get(original) ?? original,
    original: (name) => originals.get(name) ?? name,
    isCustom: (name) => customs.has(name),
  };
}

/** `toolNames` for all that a conversation names: the tools it declares, calls in its history, and the choice. */
export function toolNamesOf(conversation: Conversation, rule: NameRule): ToolNames {
  const declared = conversation.tools.flatMap((tool) =>
    tool.kind === 'builtin' ? [] : [{ name: tool.name, custom: tool.kind === 'custom' }],
  );
  const called = callsOf(conversation.turns).map(({ name }) => ({ name, custom: false }));
  const choice = conversation.toolChoice;
  const chosen = choice?.kind === 'tool' ? [{ name: choice.name, custom: false }] : [];
  return toolNames([...declared, ...called, ...chosen], rule);
}

/** The names of a request without tools: each stands for itself. */
export const SAME_NAMES: ToolNames = toolNames([], OPENAI_TOOL_NAMES);

/**
 * Makes the ids of a conversation's calls fit a rule: a function for calls and results alike, so that what belonged
 * together still does, and two calls stay two. An id that fits stays as it is.
 */
export function callIds(turns: readonly Turn[], rule: NameRule): (id: string) => string {
  const asked = callsOf(turns).map(({ id }) => id);
  const answered = turns.flatMap((turn) => (turn.role === 'tool' ? turn.results.map(({ callId }) => callId) : []));
  const sent = fitting([...asked, ...answered], rule);
  return (id) => sent.get(id) ?? id;
}

/** An id that is made fit where no others are known: of a call in an answer that is sent, or of a caller's user. */
export function fittingId(id: string, rule: NameRule): string {
  return fitting([id], rule).get(id) ?? id;
}

function callsOf(turns: readonly Turn[]): readonly { readonly id: string; readonly name: string }[] {
  return turns.flatMap((turn) =>
    turn.role === 'assistant' ? turn.parts.flatMap((part) => (part.kind === 'tool_call' ? [part] : [])) : [],
  );
}

/** An injective map of names to names that fit. Its order is that of the names, so that it depends on nothing else. */
function fitting(
  names: readonly string[],
  rule: NameRule,
  plain: (name: string) => string = (name) => name,
): ReadonlyMap<string, string> {
  const all = [...new Set(names)].sort();
  const taken = new Set(all.filter((name) => fits(name, rule)));
  return new Map(
    all.map((name) => {
      if (fits(name, rule)) return [name, name];
      const isFree = fits(plain(name), rule) && !taken.has(plain(name));
      const made = isFree ? plain(name) : madeName(name, rule, taken);
      taken.add(made);
      return [name, made];
    }),
  );
}

function fits(name: string, { refused, lengthMax, isExact }: NameRule): boolean {
  if (isExact === true && name.length !== lengthMax) return false;
  return name !== '' && name.length <= lengthMax && name.search(refused) < 0;
}

function madeName(name: string, rule: NameRule, taken: ReadonlySet<string>): string {
  const cleaned = name.replace(rule.refused, '_');
  const prefix = cleaned.slice(0, Math.min(rule.lengthMax, MADE_LENGTH_MAX) - DIGEST_LENGTH - 1);
  let digest = hash('sha256', `0:${name}`);
  // The name may be long, and callers can choose others that are in its way: only its digest is hashed again.
  for (;;) {
    const made =
      rule.isExact === true ? lettersOf(digest, rule.lengthMax) : `${prefix}_${digest.slice(0, DIGEST_LENGTH)}`;
    if (!taken.has(made)) return made;
    digest = hash('sha256', digest);
  }
}

/** Letters and digits of a hexadecimal digest: each stands for some 5 bits. */
function lettersOf(digest: string, length: number): string {
  return BigInt(`0x${digest}`).toString(36).slice(-length);
}
