import type { Memory } from '../memory.js';
import type { Plan, PlannedCall } from '../plan.js';

/** An event of a stream before it has its number: the type and what else it says. */
interface ItemEvent {
  readonly type: string;
  readonly fields: object;
  /** Carries content. */
  readonly content?: boolean;
}

/** One item of an output: as a stream adds it, what comes between, and whole. */
export interface OutputItem {
  readonly added: object;
  readonly between: readonly ItemEvent[];
  readonly whole: object;
}

/** The items of an answer, in the order of OpenAI's: thoughts, searches, text, calls. */
export function outputOf(plan: Plan, seals: boolean, memory: Memory): OutputItem[] {
  const cut = plan.end === 'length';
  return [
    ...(plan.thought.length > 0 ? [reasoningItem(plan, seals, memory)] : []),
    ...Array.from({ length: plan.usage.webSearches }, (_, i) => searchItem(`ws_simulator${plan.n}_${i}`)),
    ...(plan.pieces.length > 0 ? [messageItem(plan, cut ? 'incomplete' : 'completed')] : []),
    ...plan.calls.map((call, i) => (call.custom ? customItem : functionItem)(call, plan.n, i)),
  ];
}

function reasoningItem({ n, thought }: Plan, seals: boolean, memory: Memory): OutputItem {
  const id = `rs_simulator${n}`;
  const text = thought.join('');
  const at = { item_id: id, summary_index: 0 };
  const part = (shown: string) => ({ type: 'summary_text', text: shown });
  const item = { id, type: 'reasoning', ...(seals ? { encrypted_content: memory.seal(text) } : {}) };
  return {
    added: { ...item, summary: [] },
    between: [
      { type: 'response.reasoning_summary_part.added', fields: { ...at, part: part('') } },
      ...thought.map((delta) => ({
        type: 'response.reasoning_summary_text.delta',
        fields: { ...at, delta },
        content: true,
      })),
      { type: 'response.reasoning_summary_text.done', fields: { ...at, text } },
      { type: 'response.reasoning_summary_part.done', fields: { ...at, part: part(text) } },
    ],
    whole: { ...item, summary: [part(text)] },
  };
}

function searchItem(id: string): OutputItem {
  const item = { id, type: 'web_search_call', action: { type: 'search', query: 'word0' } };
  return {
    added: { ...item, status: 'in_progress' },
    between: ['in_progress', 'searching', 'completed'].map((state) => ({
      type: `response.web_search_call.${state}`,
      fields: { item_id: id },
    })),
    whole: { ...item, status: 'completed' },
  };
}

function messageItem({ n, pieces, end }: Plan, status: string): OutputItem {
  const id = `msg_simulator${n}`;
  const text = pieces.join('');
  const at = { item_id: id, content_index: 0 };
  const refused = end === 'refusal';
  const part = (shown: string) =>
    refused ? { type: 'refusal', refusal: shown } : { type: 'output_text', text: shown, annotations: [], logprobs: [] };
  const events = refused ? 'response.refusal' : 'response.output_text';
  const message = { id, type: 'message', role: 'assistant' };
  return {
    added: { ...message, status: 'in_progress', content: [] },
    between: [
      { type: 'response.content_part.added', fields: { ...at, part: part('') } },
      ...pieces.map((delta) => ({
        type: `${events}.delta`,
        fields: { ...at, delta, ...(refused ? {} : { logprobs: [] }) },
        content: true,
      })),
      { type: `${events}.done`, fields: { ...at, ...(refused ? { refusal: text } : { text, logprobs: [] }) } },
      { type: 'response.content_part.done', fields: { ...at, part: part(text) } },
    ],
    whole: { ...message, status, content: [part(text)] },
  };
}

function functionItem(call: PlannedCall, n: number, i: number): OutputItem {
  const id = `fc_simulator${n}_${i}`;
  const item = { id, type: 'function_call', call_id: callId(n, i), name: call.name };
  return {
    added: { ...item, arguments: '', status: 'in_progress' },
    between: [
      ...inputPieces(call).map((delta) => ({
        type: 'response.function_call_arguments.delta',
        fields: { item_id: id, delta },
        content: true,
      })),
      {
        type: 'response.function_call_arguments.done',
        fields: { item_id: id, name: call.name, arguments: call.input },
      },
    ],
    whole: { ...item, arguments: call.input, status: 'completed' },
  };
}

function customItem(call: PlannedCall, n: number, i: number): OutputItem {
  const id = `ctc_simulator${n}_${i}`;
  const item = { id, type: 'custom_tool_call', call_id: callId(n, i), name: call.name };
  return {
    added: { ...item, input: '', status: 'in_progress' },
    between: [
      ...inputPieces(call).map((delta) => ({
        type: 'response.custom_tool_call_input.delta',
        fields: { item_id: id, delta },
        content: true,
      })),
      { type: 'response.custom_tool_call_input.done', fields: { item_id: id, input: call.input } },
    ],
    whole: { ...item, input: call.input, status: 'completed' },
  };
}

function inputPieces({ input, pieces }: PlannedCall): readonly string[] {
  return pieces.length > 0 ? pieces : [input];
}

/** The id of a call, by which its output names it. */
export function callId(n: number, i: number): string {
  return `call_simulator${n}_${i}`;
}
