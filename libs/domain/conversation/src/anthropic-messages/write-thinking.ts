import type { Conversation, Reasoning } from '../conversation.js';
import type { Fault, JsonObject, WriteContext } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import type { ClaudeModel } from './models.js';
import { lacksThoughtOfLoop } from './tool-loop.js';

export interface WrittenThinking {
  /** `thinking`, if it is to be sent. */
  readonly fields: JsonObject;
  /** `output_config.effort`; null if it is not to be sent. */
  readonly effort: string | null;
  /** Whether the model is asked to think. */
  readonly thinks: boolean;
}

/** Claude takes no smaller budget: platform.claude.com/docs/en/build-with-claude/extended-thinking. */
const BUDGET_MIN = 1_024;
/** Above it Anthropic wants batches, since the connection may break. */
const BUDGET_MAX = 32_000;
/** The share of the ceiling of the output that each effort may think, for models that know budgets alone. */
const SHARES: Readonly<Record<string, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.9,
  max: 0.95,
};
const NOTHING: WrittenThinking = { fields: {}, effort: null, thinks: false };

/**
 * Writes how much the model is to think. Thoughts count towards `max_tokens`, which stays what the caller says: an
 * effort that leaves no room for the least budget is a fault that names both fields. A budget is left out, and its
 * field added to `leftOut`, while a loop of tools runs that began without a thought: Claude would refuse it.
 */
export function writeThinking(
  { reasoning, turns }: Conversation,
  model: ClaudeModel,
  ceiling: number,
  context: WriteContext,
  leftOut: Set<string>,
): WrittenThinking | Fault {
  if (reasoning === null || (isOnlyShown(reasoning) && !decides(model))) return NOTHING;
  if (reasoning.effort === 'none') return writeNone(model, context);
  if (reasoning.effort !== null && !Object.hasOwn(SHARES, reasoning.effort))
    return fault(context.fieldOf('reasoning'), `The effort must be none or one of ${Object.keys(SHARES).join(', ')}.`);
  if (model.thinking === 'none') return fault(context.fieldOf('reasoning'), 'This model of Claude does not think.');
  if (reasoning.budgetTokens !== null || model.thinking === 'budget') {
    const written =
      reasoning.budgetTokens === null
        ? writeShare(reasoning, ceiling, context)
        : writeBudget(reasoning, reasoning.budgetTokens, model, ceiling, context);
    if (isFault(written) || !lacksThoughtOfLoop(turns)) return written;
    leftOut.add(context.fieldOf(reasoning.budgetTokens === null ? 'reasoning' : 'thinking_budget'));
    return { ...NOTHING, effort: written.effort };
  }
  const effort = effortOf(reasoning, model, context);
  if (isFault(effort)) return effort;
  return { fields: { thinking: { type: 'adaptive', ...displayOf(reasoning) } }, effort, thinks: true };
}

/** Whether it is said only how thoughts are shown, not that there are to be any. */
function isOnlyShown({ effort, budgetTokens, summary }: Reasoning): boolean {
  return effort === null && budgetTokens === null && summary !== null;
}

/** Whether the model itself decides how much it thinks. */
function decides({ thinking }: ClaudeModel): boolean {
  return thinking === 'adaptive' || thinking === 'both';
}

function writeNone(model: ClaudeModel, context: WriteContext): WrittenThinking | Fault {
  switch (model.withoutThinking) {
    case 'unsaid':
      return NOTHING;
    case 'impossible':
      return fault(context.fieldOf('reasoning'), 'This model of Claude always thinks; ask for the effort low instead.');
    case 'disabled':
    case 'between_tools':
      return { fields: { thinking: { type: model.withoutThinking } }, effort: null, thinks: false };
    default:
      return model.withoutThinking satisfies never;
  }
}

function writeBudget(
  reasoning: Reasoning,
  budget: number,
  model: ClaudeModel,
  ceiling: number,
  context: WriteContext,
): WrittenThinking | Fault {
  const param = context.fieldOf('thinking_budget');
  if (model.thinking === 'adaptive')
    return fault(param, 'This model of Claude takes no budget of tokens to think; ask for an effort instead.');
  if (budget < BUDGET_MIN || budget >= ceiling) return noRoom(param, context);
  const effort = model.efforts.length === 0 || reasoning.effort === null ? null : effortOf(reasoning, model, context);
  if (isFault(effort)) return effort;
  return { fields: { thinking: { type: 'enabled', budget_tokens: budget } }, effort, thinks: true };
}

function writeShare(reasoning: Reasoning, ceiling: number, context: WriteContext): WrittenThinking | Fault {
  const share = Math.floor((SHARES[reasoning.effort ?? 'medium'] ?? 0) * ceiling);
  const budget = Math.min(Math.max(share, BUDGET_MIN), BUDGET_MAX);
  if (budget >= ceiling) return noRoom(context.fieldOf('reasoning'), context);
  return { fields: { thinking: { type: 'enabled', budget_tokens: budget } }, effort: null, thinks: true };
}

function noRoom(param: string, context: WriteContext): Fault {
  return fault(
    param,
    `This model of Claude thinks at least ${BUDGET_MIN} tokens, within ${context.fieldOf('output_tokens_max')}: ` +
      `raise ${context.fieldOf('output_tokens_max')} above that, or leave out ${param}.`,
  );
}

/** `minimal` is the least effort of OpenAI, as `low` is of Claude. */
function effortOf({ effort }: Reasoning, model: ClaudeModel, context: WriteContext): string | null | Fault {
  if (effort === null) return null;
  const sent = effort === 'minimal' ? 'low' : effort;
  if (model.efforts.includes(sent)) return sent;
  const param = context.fieldOf('reasoning');
  return fault(param, `This model of Claude knows the efforts ${model.efforts.join(', ')}.`);
}

function displayOf({ summary }: Reasoning): JsonObject {
  if (summary === null) return {};
  return { display: summary === 'omitted' ? 'omitted' : 'summarized' };
}
