/** What a model of Anthropic takes, as far as it differs from model to model. */
export interface ClaudeModel {
  /** How it is made to think: not at all, by a budget of tokens, by itself (`adaptive`), or by either. */
  readonly thinking: 'none' | 'budget' | 'both' | 'adaptive';
  /** How it is made not to think: by saying nothing, by a type of `thinking`, or in no way. */
  readonly withoutThinking: 'unsaid' | 'disabled' | 'between_tools' | 'impossible';
  /** The values of `output_config.effort`; none if it does not know the field. */
  readonly efforts: readonly string[];
  /** Which of `temperature`, `top_p` and `top_k` it takes. */
  readonly sampling: 'any' | 'temperature or top_p' | 'none';
  /** When it can be made to call a tool. */
  readonly forcedTools: 'always' | 'without thinking' | 'never';
  /** Whether `messages` may hold turns of the role `system`. */
  readonly systemTurns: boolean;
  /** Whether it knows `output_config.format`, and `strict` of tools. */
  readonly schemas: boolean;
}

type Family = 'opus' | 'sonnet' | 'haiku' | 'fable' | 'mythos';
/** The first version of each family that has something, as 100 × major + minor. Families that lack it are absent. */
type Since = Partial<Readonly<Record<Family, number>>>;
interface Version {
  readonly family: Family;
  readonly number: number;
}

// What each model takes: platform.claude.com/docs/en/build-with-claude/thinking and …/effort.
const THINKING: Since = { opus: 400, sonnet: 307, haiku: 405, fable: 0, mythos: 0 };
const ADAPTIVE: Since = { opus: 406, sonnet: 406, haiku: 500, fable: 0, mythos: 0 };
const NO_BUDGET: Since = { opus: 407, sonnet: 500, haiku: 500, fable: 0, mythos: 0 };
/** These think unless they are told not to. */
const THINKS_UNASKED: Since = { opus: 500, sonnet: 500, haiku: 500 };
const BETWEEN_TOOLS: Since = { sonnet: 505 };
const ALWAYS_THINKS: Since = { opus: 505, fable: 0, mythos: 0 };
const EFFORT: Since = { opus: 405, sonnet: 406, haiku: 500, fable: 0, mythos: 0 };
const EFFORT_MAX: Since = { opus: 406, sonnet: 406, haiku: 500, fable: 0, mythos: 0 };
const EFFORT_XHIGH: Since = { opus: 407, sonnet: 500, haiku: 500, fable: 0, mythos: 500 };
// platform.claude.com/docs/en/about-claude/models/migration-guide: one of the two from Claude 4.1 on, then neither.
const ONE_SAMPLING: Since = { opus: 401, sonnet: 405, haiku: 405 };
const NO_SAMPLING: Since = { opus: 407, sonnet: 500, haiku: 500, fable: 0, mythos: 0 };
// Opus 4.8 began to take a forced tool while it thinks; the "What's new" pages of 5.5 and Fable 5.1 end forced tools.
const FORCED_ALWAYS: Since = { opus: 408, sonnet: 500, fable: 500, mythos: 500 };
const FORCED_NEVER: Since = { opus: 505, sonnet: 505, fable: 501, mythos: 501 };
// platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
const SYSTEM_TURNS: Since = { opus: 408, sonnet: 505, haiku: 505, fable: 500, mythos: 500 };
// platform.claude.com/docs/en/build-with-claude/structured-outputs
const SCHEMAS: Since = { opus: 405, sonnet: 405, haiku: 405, fable: 0, mythos: 0 };

/**
 * A model that the table does not know: a newer one, or one of another maker that speaks this dialect. It is asked as
 * the newest ones are, but keeps its temperature: what it does not take, its provider refuses by name. What would be
 * refused by some models and has another way (turns of the system) goes the other way.
 */
const UNKNOWN: ClaudeModel = {
  thinking: 'adaptive',
  withoutThinking: 'disabled',
  efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
  sampling: 'any',
  forcedTools: 'without thinking',
  systemTurns: false,
  schemas: true,
};

/** What a model takes, by its name as the provider writes it, with or without a date and a prefix of a cloud. */
export function claudeModel(name: string): ClaudeModel {
  const version = versionOf(name);
  if (version === null) return UNKNOWN;
  const has = ({ [version.family]: first = Infinity }: Since): boolean => version.number >= first;
  return {
    thinking: thinkingOf(has),
    withoutThinking: has(ALWAYS_THINKS)
      ? 'impossible'
      : has(BETWEEN_TOOLS)
        ? 'between_tools'
        : has(THINKS_UNASKED)
          ? 'disabled'
          : 'unsaid',
    efforts: [
      ...(has(EFFORT) ? ['low', 'medium', 'high'] : []),
      ...(has(EFFORT_XHIGH) ? ['xhigh'] : []),
      ...(has(EFFORT_MAX) ? ['max'] : []),
    ],
    sampling: has(NO_SAMPLING) ? 'none' : has(ONE_SAMPLING) ? 'temperature or top_p' : 'any',
    forcedTools: has(FORCED_NEVER) ? 'never' : has(FORCED_ALWAYS) ? 'always' : 'without thinking',
    systemTurns: has(SYSTEM_TURNS),
    schemas: has(SCHEMAS),
  };
}

function thinkingOf(has: (since: Since) => boolean): ClaudeModel['thinking'] {
  if (has(NO_BUDGET)) return 'adaptive';
  if (has(ADAPTIVE)) return 'both';
  return has(THINKING) ? 'budget' : 'none';
}

/** As `claude-opus-4-7`, `claude-sonnet-4-20250514` or `anthropic/claude-opus-4.7`; before, `claude-3-7-sonnet`. */
const NEW_NAME = /\b(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?/;
const OLD_NAME = /\bclaude-(\d)(?:[-.](\d))?-(opus|sonnet|haiku)\b/;

function versionOf(name: string): Version | null {
  const lower = name.toLowerCase();
  const old = OLD_NAME.exec(lower);
  if (old !== null) return versionFrom(old[3], old[1], old[2]);
  const found = NEW_NAME.exec(lower);
  // The first Mythos had no number; a name without one, as `sonnet-latest`, says nothing of its version.
  if (found === null || (found[2] === undefined && found[1] !== 'mythos')) return null;
  return versionFrom(found[1], found[2], found[3]);
}

function versionFrom(family: string | undefined, major: string | undefined, minor: string | undefined): Version {
  return { family: family as Family, number: 100 * Number(major ?? 0) + Number(minor ?? 0) };
}
