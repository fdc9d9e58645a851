import { anthropicType, errorOfStatus } from '../errors.js';
import { providerField } from '../exchange.js';
import type { Memory } from '../memory.js';
import type { Plan, PlannedUsage } from '../plan.js';
import type { Frame } from '../send.js';

/** Anthropic's `usage`: plain, written and read input are beside each other. */
function usageOf(plan: Plan, outputTokens: number): object {
  const { cacheWriteTokens, cacheWrite1hTokens, cachedTokens, webSearches }: PlannedUsage = plan.usage;
  return {
    input_tokens: plan.usage.promptTokens - cachedTokens - cacheWriteTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: cacheWriteTokens - cacheWrite1hTokens,
      ephemeral_1h_input_tokens: cacheWrite1hTokens,
    },
    output_tokens: outputTokens,
    service_tier: plan.serviceTier ?? 'standard',
    ...(webSearches > 0 ? { server_tool_use: { web_search_requests: webSearches } } : {}),
  };
}

function stopReason({ end }: Plan): string {
  switch (end) {
    case 'length':
      return 'max_tokens';
    case 'tool_calls':
      return 'tool_use';
    case 'stop':
      return 'end_turn';
    case 'stop_sequence':
    case 'refusal':
      return end;
  }
}

/** One block of an answer: as a stream opens it, its deltas, and whole. */
interface Block {
  readonly opened: object;
  readonly deltas: readonly object[];
  readonly whole: object;
}

function blocksOf(plan: Plan, memory: Memory): Block[] {
  const { n, thought, pieces, calls } = plan;
  return [
    ...(thought.length > 0 ? [thinkingBlock(thought, memory)] : []),
    ...searchBlocks(plan),
    ...(pieces.length > 0 ? [textBlock(pieces)] : []),
    ...calls.map(({ name, input, pieces: parts }, i) => {
      const use = { type: 'tool_use', id: `toolu_simulator${n}_${i}`, name };
      return {
        opened: { ...use, input: {} },
        // Anthropic's first fragment is empty.
        deltas: ['', ...parts].map((part) => ({ type: 'input_json_delta', partial_json: part })),
        whole: { ...use, input: JSON.parse(input) as object },
      };
    }),
  ];
}

function textBlock(pieces: readonly string[]): Block {
  return {
    opened: { type: 'text', text: '' },
    deltas: pieces.map((text) => ({ type: 'text_delta', text })),
    whole: { type: 'text', text: pieces.join('') },
  };
}

function thinkingBlock(pieces: readonly string[], memory: Memory): Block {
  const signature = memory.seal(pieces.join(''));
  return {
    opened: { type: 'thinking', thinking: '', signature: '' },
    deltas: [
      ...pieces.map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature },
    ],
    whole: { type: 'thinking', thinking: pieces.join(''), signature },
  };
}

function searchBlocks({ n, usage }: Plan): Block[] {
  return Array.from({ length: usage.webSearches }, (_, i) => {
    const use = { type: 'server_tool_use', id: `srvtoolu_simulator${n}_${i}`, name: 'web_search' };
    const result = { type: 'web_search_tool_result', tool_use_id: use.id, content: [] };
    const query = { query: 'word0' };
    return [
      {
        opened: { ...use, input: {} },
        deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(query) }],
        whole: { ...use, input: query },
      },
      { opened: result, deltas: [], whole: result },
    ];
  }).flat();
}

function messageOf(
  plan: Plan,
  content: readonly object[],
  end: { reason: string | null; outputTokens: number },
): object {
  return {
    id: `msg_simulator${plan.n}`,
    type: 'message',
    role: 'assistant',
    model: plan.model,
    content,
    stop_reason: end.reason,
    stop_sequence: end.reason === null ? null : plan.stopSequence,
    ...(plan.reportsUsage ? { usage: usageOf(plan, end.outputTokens) } : {}),
    ...providerField(plan.shownProvider),
  };
}

/** The body of an answer that is not streamed. */
export function plainBody(plan: Plan, memory: Memory): string {
  const content = blocksOf(plan, memory).map(({ whole }) => whole);
  return JSON.stringify(
    messageOf(plan, content, { reason: stopReason(plan), outputTokens: plan.usage.completionTokens }),
  );
}

/** The frames of one stream, in the order of Anthropic's API, with a ping after the first block has begun. */
export function* streamFrames(plan: Plan, memory: Memory): Generator<Frame> {
  // What is reported at the start of a stream is one token, or none where the ceiling is 0.
  const begun = Math.min(1, plan.usage.completionTokens);
  yield { text: frame('message_start', { message: messageOf(plan, [], { reason: null, outputTokens: begun }) }) };
  const blocks = blocksOf(plan, memory);
  for (const [index, { opened, deltas }] of blocks.entries()) {
    yield { text: frame('content_block_start', { index, content_block: opened }) };
    if (index === 0) yield { text: frame('ping', {}) };
    for (const delta of deltas)
      yield { text: frame('content_block_delta', { index, delta }), content: isContent(delta) };
    yield { text: frame('content_block_stop', { index }), tail: index === blocks.length - 1 };
  }
  const usage = plan.reportsUsage ? { usage: usageOf(plan, plan.usage.completionTokens) } : {};
  const delta = { stop_reason: stopReason(plan), stop_sequence: plan.stopSequence };
  yield {
    text: frame('message_delta', { delta, ...usage }),
    usage: plan.reportsUsage,
    tail: blocks.length === 0,
  };
  yield { text: frame('message_stop', {}) };
}

/** A first fragment that is empty, and a signature, are no content. */
function isContent(delta: object): boolean {
  return !('signature' in delta) && !('partial_json' in delta && delta.partial_json === '');
}

function frame(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** The error that Anthropic puts into a stream that has begun. */
export function errorFrame(requestId: string): string {
  const error = { type: anthropicType(529), message: errorOfStatus(503).message };
  return frame('error', { error, request_id: requestId });
}
