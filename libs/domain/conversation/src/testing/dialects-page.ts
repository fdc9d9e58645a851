import { NO_DETAILS } from '@tollgate/usage';
import type { Answer, FinishReason } from '../answer.js';
import { anthropicMessages } from '../anthropic-messages/codec.js';
import type { CallerCodec, ConversationDialect, DialectCodec, Feature, FieldNote } from '../dialect-codec.js';
import type { ErrorKind } from '../errors/error-kind.js';
import { chatError, messageError, responseError } from '../errors/error-words.js';
import { fieldOfFeature, FEATURES } from '../features.js';
import { inference } from '../inference/codec.js';
import { openaiChat } from '../openai-chat/codec.js';
import { openaiResponses } from '../openai-responses/codec.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from './contexts.js';
import { requestWith } from './feature-probes.js';

/** What callers speak, and how the page calls it. */
const CALLERS: readonly (readonly [endpoint: string, codec: CallerCodec])[] = [
  ['chat/completions', openaiChat],
  ['responses', openaiResponses],
  ['messages', anthropicMessages],
  ['inference', inference],
];

/** What providers speak, with a model that stands for the others. */
const TARGETS: readonly (readonly [head: string, codec: DialectCodec, model: string])[] = [
  ['to chat', openaiChat, 'gpt-5.6'],
  ['to Responses', openaiResponses, 'gpt-5.6'],
  ['to Messages', anthropicMessages, 'claude-opus-4-6'],
];

const NAMES: Readonly<Record<Feature, string>> = {
  system: 'what the operator says',
  turns: 'what is said',
  images: 'images, by address or as data',
  documents: 'PDFs and texts',
  audio: 'recordings',
  tools: 'functions',
  custom_tools: 'custom tools, whose input is text',
  builtin_tools: 'tools that a provider runs',
  tool_choice: 'which tool must be called',
  parallel_tool_calls: 'whether tools are called side by side',
  json_object: 'any JSON as the answer',
  json_schema: 'JSON of a schema as the answer',
  output_tokens_max: 'the ceiling of the output',
  stop: 'stop sequences',
  temperature: 'temperature',
  top_p: 'nucleus of probabilities',
  top_k: 'number of likely tokens',
  frequency_penalty: 'penalty of frequent tokens',
  presence_penalty: 'penalty of tokens that were there',
  seed: 'seed',
  logit_bias: 'bias of tokens',
  logprobs: 'probabilities of tokens',
  reasoning: 'how hard the model thinks',
  thinking_budget: 'how many tokens it may think',
  verbosity: 'how much it says',
  user: 'who your user is',
  metadata: 'labels of the request',
  prompt_cache_key: 'a hint for caches',
  service_tier: 'the tier of service',
  stream: 'a stream',
  choices: 'several answers',
};

const REASONS: readonly (readonly [FinishReason, string])[] = [
  ['stop', 'the model was done'],
  ['length', 'a ceiling was reached'],
  ['tool_calls', 'it waits for results of tools'],
  ['content_filter', 'it refused, or a filter held it back'],
];

/** The tables of docs/dialects.md, made of what the dialects themselves say and do. */
export function dialectTables(): Readonly<
  Record<'fields' | 'reasons' | 'errors' | 'usage' | 'leftOut' | 'refused' | 'refusedAlways', string>
> {
  return {
    fields: fieldTable(),
    reasons: reasonTable(),
    errors: errorTable(),
    usage: usageTable(),
    leftOut: noteLists(({ harmless }) => harmless.filter(isAcross)),
    refused: noteLists(({ refused }) => refused.filter(isAcross)),
    refusedAlways: noteLists(({ harmless, refused }) => [...harmless, ...refused].filter((note) => !isAcross(note))),
  };
}

function fieldTable(): string {
  const heads = ['', ...CALLERS.map(([endpoint]) => `\`${endpoint}\``), ...TARGETS.map(([head]) => head)];
  const features = Object.keys(FEATURES) as Feature[];
  return table(
    heads,
    features.map((feature) => [
      NAMES[feature],
      ...CALLERS.map(([, { name }]) => code(fieldOfFeature(name, feature))),
      ...TARGETS.map(([, codec, model]) => fate(feature, codec, model)),
    ]),
  );
}

/** What becomes of a feature on the way to a provider: found by writing a request that has it. */
function fate(feature: Feature, codec: DialectCodec, model: string): string {
  const conversation = requestWith(feature);
  if (conversation === null) return '400';
  const written = codec.writeRequest(conversation, { ...WRITE_CONTEXT, model });
  if (written.kind === 'fault') return '400';
  return written.leftOut.length > 0 ? 'left out' : 'carried';
}

function reasonTable(): string {
  return table(
    ['', ...CALLERS.map(([endpoint]) => `\`${endpoint}\``)],
    REASONS.map(([reason, name]) => [name, ...CALLERS.map(([, codec]) => code(reasonOf(codec, reason)))]),
  );
}

const ERRORS: Readonly<Record<ErrorKind, string>> = {
  context_length: 'the conversation is too long for the model',
  content_filter: 'a policy of the provider forbids the content',
  request_too_large: 'the request has too many bytes',
  model_not_found: 'there is no such model',
  rate_limit: 'too many requests',
  overloaded: 'the provider has no free capacity',
  quota: 'the credit is used up',
  authentication: 'the credential is not valid',
  permission: 'the credential does not allow it',
  timeout: 'it took too long',
};

function errorTable(): string {
  return table(
    ['', '`chat/completions`', '`responses`', '`messages`'],
    (Object.keys(ERRORS) as ErrorKind[]).map((kind) => {
      const error = { kind, type: null, code: null, message: '' };
      return [
        ERRORS[kind],
        `code \`${String(chatError(error).code)}\``,
        `code \`${responseError(error).code}\``,
        `type \`${messageError(error).type}\``,
      ];
    }),
  );
}

/** What an answer that ended so says of it. */
function reasonOf(codec: CallerCodec, reason: FinishReason): string | null {
  if (codec.name === 'inference' && reason === 'tool_calls') return null;
  const reply = codec.writeReply(answerOf(reason), REPLY_CONTEXT);
  return REASON_FIELDS[codec.name](reply as never);
}

const REASON_FIELDS: Readonly<Record<ConversationDialect, (reply: never) => string>> = {
  'openai-chat': ({ choices }: { choices: [{ finish_reason: string }] }) => choices[0].finish_reason,
  'openai-responses': (reply: { status: string; incomplete_details: { reason: string } | null }) =>
    reply.incomplete_details === null ? reply.status : `${reply.status}: ${reply.incomplete_details.reason}`,
  'anthropic-messages': (reply: { stop_reason: string }) => reply.stop_reason,
  inference: (reply: { finish_reason: string }) => reply.finish_reason,
};

function answerOf(reason: FinishReason): Answer {
  return {
    id: '',
    model: 'm',
    createdAt: 1,
    parts:
      reason === 'tool_calls'
        ? [{ kind: 'tool_call', id: 'c', name: 'f', input: '{}', custom: false }]
        : [{ kind: 'text', text: 'a', citations: [] }],
    finish: { reason, stopSequence: null },
    usage: null,
  };
}

/** A call that read 100 tokens, 60 of them from a cache and 30 into one, and wrote 20, 5 of them thoughts. */
const USAGE = {
  inputTokens: 100,
  outputTokens: 20,
  cachedInputTokens: 60,
  reasoningTokens: 5,
  details: { ...NO_DETAILS, cacheWrite5mTokens: 30 },
};

function usageTable(): string {
  return table(
    ['', 'what such a call used'],
    CALLERS.map(([endpoint, codec]) => [`\`${endpoint}\``, code(JSON.stringify(codec.writeUsage(USAGE)))]),
  );
}

/** Whether it is the way to another dialect that decides about a field. */
function isAcross({ isRefusedAlways }: FieldNote): boolean {
  return isRefusedAlways !== true;
}

function noteLists(notesOf: (codec: CallerCodec) => readonly FieldNote[]): string {
  return CALLERS.filter(([, codec]) => notesOf(codec).length > 0)
    .map(([endpoint, codec]) => {
      const rows = notesOf(codec).map(({ field, why }) => [code(field), why]);
      return `### From \`${endpoint}\`\n\n${table(['field', 'why'], rows)}`;
    })
    .join('\n\n');
}

function code(text: string | null): string {
  return text === null ? '' : `\`${text}\``;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
