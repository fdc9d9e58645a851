import type { Conversation } from '../conversation.js';
import type { Fault, Feature, JsonObject, WriteContext } from '../dialect-codec.js';
import { fault } from '../fault.js';
import { isBlank } from '../fields.js';
import type { ClaudeModel } from './models.js';
import type { WrittenThinking } from './write-thinking.js';

/** What no request of Anthropic's can say, if it is asked for. */
const MISSING: readonly (readonly [feature: Feature, isAsked: (conversation: Conversation) => boolean])[] = [
  ['frequency_penalty', ({ frequencyPenalty }) => frequencyPenalty !== null && frequencyPenalty !== 0],
  ['presence_penalty', ({ presencePenalty }) => presencePenalty !== null && presencePenalty !== 0],
  ['seed', ({ seed }) => seed !== null],
  ['logit_bias', ({ logitBias }) => logitBias !== null && Object.keys(logitBias).length > 0],
  ['logprobs', ({ topLogprobs }) => topLogprobs !== null],
  ['json_object', ({ format }) => format?.kind === 'json_object'],
];

/** The first setting that Claude does not have; null if it has all. */
export function missingSetting(conversation: Conversation, context: WriteContext): Fault | null {
  const missing = MISSING.find(([, isAsked]) => isAsked(conversation));
  if (missing === undefined) return null;
  const instead = missing[0] === 'json_object' ? ' Ask for a JSON schema instead.' : '';
  return fault(context.fieldOf(missing[0]), `Claude has no counterpart of this setting.${instead}`);
}

/** Settings that tell a provider how to keep, name or word an answer: left out, and named as such. */
export function harmlessSettings(conversation: Conversation, context: WriteContext): readonly string[] {
  const { metadata, promptCacheKey, verbosity } = conversation;
  return [
    ...(metadata === null ? [] : [context.fieldOf('metadata')]),
    ...(promptCacheKey === null ? [] : [context.fieldOf('prompt_cache_key')]),
    ...(verbosity === null || verbosity === 'medium' ? [] : [context.fieldOf('verbosity')]),
  ];
}

/**
 * `temperature`, `top_p` and `top_k`. The default is 1 for the first two; it is left out, since newer models refuse the
 * field itself. A value that the model does not take is a fault: to change it would change the answer.
 */
export function writeSampling(
  conversation: Conversation,
  model: ClaudeModel,
  { thinks }: WrittenThinking,
  context: WriteContext,
): JsonObject | Fault {
  const { temperature, topP, topK } = conversation;
  const asked: readonly (readonly [Feature, string, number | null])[] = [
    ['temperature', 'temperature', temperature === 1 ? null : temperature],
    ['top_p', 'top_p', topP === 1 ? null : topP],
    ['top_k', 'top_k', topK],
  ];
  const set = asked.filter(([, , value]) => value !== null);
  for (const [feature, , value] of set) {
    const wrong = wrongSampling(feature, value ?? 0, model, thinks, context);
    if (wrong !== null) return fault(context.fieldOf(feature), wrong);
  }
  if (
    model.sampling === 'temperature or top_p' &&
    temperature !== 1 &&
    temperature !== null &&
    topP !== 1 &&
    topP !== null
  )
    return fault(
      context.fieldOf('top_p'),
      `This model of Claude takes ${context.fieldOf('temperature')} or top_p, not both.`,
    );
  return Object.fromEntries(set.map(([, field, value]) => [field, value]));
}

function wrongSampling(
  feature: Feature,
  value: number,
  { sampling }: ClaudeModel,
  thinks: boolean,
  context: WriteContext,
): string | null {
  if (sampling === 'none') return 'This model of Claude takes the default value alone.';
  if (feature !== 'top_k' && (value < 0 || value > 1)) return 'Claude takes values from 0 to 1.';
  // platform.claude.com/docs/en/build-with-claude/extended-thinking, "Feature compatibility".
  if (thinks && !(feature === 'top_p' && value >= 0.95))
    return `While Claude thinks (${context.fieldOf('reasoning')}), it takes the default value alone.`;
  return null;
}

/** Claude refuses stop sequences of nothing but white space. */
export function writeStop({ stop }: Conversation, context: WriteContext): JsonObject | Fault {
  if (stop.some(isBlank))
    return fault(context.fieldOf('stop'), 'Claude takes no stop sequence that is only white space.');
  return stop.length === 0 ? {} : { stop_sequences: stop };
}

/** `output_config`, with the effort and the schema of the answer. */
export function writeOutputConfig(
  { format }: Conversation,
  effort: string | null,
  model: ClaudeModel,
  context: WriteContext,
): JsonObject | Fault {
  if (format?.kind === 'json_schema' && !model.schemas)
    return fault(context.fieldOf('json_schema'), 'This model of Claude does not hold to schemas.');
  const config = {
    ...(effort !== null && { effort }),
    ...(format?.kind === 'json_schema' && { format: { type: 'json_schema', schema: format.schema } }),
  };
  return Object.keys(config).length === 0 ? {} : { output_config: config };
}

/** Anthropic's `auto` uses a priority that was bought, as OpenAI's does; `standard_only` is OpenAI's `default`. */
export function writeServiceTier({ serviceTier }: Conversation, context: WriteContext): JsonObject | Fault {
  switch (serviceTier) {
    case null:
      return {};
    case 'auto':
      return { service_tier: 'auto' };
    case 'default':
      return { service_tier: 'standard_only' };
    default:
      return fault(context.fieldOf('service_tier'), 'Claude has the service tiers auto and default.');
  }
}

/** A tool cannot be forced on each model, and on some not while it thinks. Neither of the two is dropped. */
export function forcedToolFault(
  { toolChoice }: Conversation,
  model: ClaudeModel,
  { thinks }: WrittenThinking,
  context: WriteContext,
): Fault | null {
  if (toolChoice?.kind !== 'required' && toolChoice?.kind !== 'tool') return null;
  const param = context.fieldOf('tool_choice');
  if (model.forcedTools === 'never') return fault(param, 'This model of Claude cannot be made to call a tool.');
  if (model.forcedTools === 'always' || !thinks) return null;
  const both = `${param} and ${context.fieldOf('reasoning')}`;
  return fault(param, `This model of Claude cannot be made to call a tool while it thinks: choose one of ${both}.`);
}
