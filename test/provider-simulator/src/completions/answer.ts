import { mediaIn, promptTokensOf } from '../asked.js';
import { prepareAnswer } from '../behave.js';
import { countIn, flagIn, modelIn, parseBody, textsIn, wrongType, type Parsed } from '../checked-body.js';
import { choicesIn, includeUsageIn, type ChatRequest } from '../chat/request.js';
import { errorFrame, usageOf } from '../chat/shapes.js';
import type { Controlled } from '../control.js';
import { providerField, type Exchange } from '../exchange.js';
import type { Operation } from '../operation.js';
import type { Plan } from '../plan.js';
import { sendPlain, sendStream, type Frame } from '../send.js';

/** Without `max_tokens` OpenAI's completions end after so many tokens. */
const MAX_TOKENS_DEFAULT = 16;

/** Answers `POST /v1/completions`. Each text, or list of tokens, of `prompt` gets `n` answers. */
export async function answerCompletions(
  exchange: Exchange,
  body: Buffer,
  { deployment }: Pick<Operation, 'deployment'>,
  controlled: Controlled,
): Promise<void> {
  const parsed = parse(body, deployment);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  const prepared = await prepareAnswer(exchange, request, controlled);
  if (prepared === undefined) return;
  const { plan, behaviour } = prepared;
  if (!request.stream) return sendPlain(exchange, behaviour, plainBody(plan), plan.reportsUsage);
  return sendStream(exchange, behaviour, frames(plan, request.includeUsage && plan.reportsUsage), errorFrame);
}

function parse(body: Buffer, deployment: string | null): Parsed<ChatRequest> {
  return parseBody(body, (fields) => {
    const stream = flagIn(fields, 'stream');
    const found = mediaIn([]);
    return {
      stream,
      includeUsage: includeUsageIn(fields, stream),
      behaviour: fields['simulator'],
      asked: {
        model: modelIn(fields, deployment),
        lastText: '',
        tools: [],
        toolChoice: 'none',
        parallel: true,
        format: null,
        thinks: false,
        stop: textsIn(fields, 'stop'),
        outputTokensMax: countIn(fields, 'max_tokens', 0) ?? MAX_TOKENS_DEFAULT,
        choices: promptsIn(fields['prompt']) * Math.max(choicesIn(fields), countIn(fields, 'best_of') ?? 1),
        media: found.media,
        promptTokens: promptTokensOf(body.length, found),
      },
    };
  });
}

/** A text, texts, tokens, or lists of tokens. */
function promptsIn(prompt: unknown): number {
  if (typeof prompt === 'string') return 1;
  if (!Array.isArray(prompt) || prompt.length === 0) throw wrongType('prompt', 'a text, or a list that is not empty');
  return typeof prompt[0] === 'number' ? 1 : prompt.length;
}

function commonOf(plan: Plan): object {
  return {
    id: `cmpl-simulator${plan.n}`,
    object: 'text_completion',
    created: plan.created,
    model: plan.model,
    system_fingerprint: 'fp_simulator',
    ...providerField(plan.shownProvider),
  };
}

function choiceOf(index: number, text: string, finish: string | null): object {
  return { text, index, logprobs: null, finish_reason: finish };
}

function finishOf({ end }: Plan): string {
  return end === 'length' ? 'length' : 'stop';
}

function plainBody(plan: Plan): string {
  const text = plan.pieces.join('');
  return JSON.stringify({
    ...commonOf(plan),
    choices: Array.from({ length: plan.choices }, (_, index) => choiceOf(index, text, finishOf(plan))),
    ...(plan.reportsUsage ? { usage: usageOf(plan.usage) } : {}),
  });
}

function* frames(plan: Plan, withUsage: boolean): Generator<Frame> {
  const common = commonOf(plan);
  const frame = (fields: object) => `data: ${JSON.stringify({ ...common, ...fields })}\n\n`;
  const noUsage = withUsage ? { usage: null } : {};
  for (const piece of plan.pieces)
    for (let index = 0; index < plan.choices; index++)
      yield {
        text: frame({ choices: [choiceOf(index, piece, null)], ...noUsage }),
        content: true,
        atOnce: index > 0,
      };
  for (let index = 0; index < plan.choices; index++)
    yield { text: frame({ choices: [choiceOf(index, '', finishOf(plan))], ...noUsage }), tail: index === 0 };
  if (withUsage) yield { text: frame({ choices: [], usage: usageOf(plan.usage) }), usage: true };
  yield { text: 'data: [DONE]\n\n' };
}
