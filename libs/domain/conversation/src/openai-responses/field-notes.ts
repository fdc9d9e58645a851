import type { FieldNote } from '../dialect-codec.js';

const KEEPS_NOTHING = 'No provider but OpenAI has what OpenAI keeps under this id.';
const OF_ACCOUNT = 'It names something that the provider keeps for its whole account.';

/** Fields without which the answer stays the same. */
export const HARMLESS_FIELDS: readonly FieldNote[] = [
  { field: 'access_programs', why: 'It names programs of OpenAI for which a model may be used; Codex may send it.' },
  { field: 'client_metadata', why: 'A client says something about itself; Codex sends it with each request.' },
  {
    field: 'context_management',
    why: 'It says when OpenAI makes a long conversation shorter, which others do not do.',
  },
  { field: 'image', why: 'It says how OpenAI keeps images in its cache.' },
  { field: 'include', why: "All values but message.output_text.logprobs add to what OpenAI's tools and thoughts say." },
  { field: 'input[].id', why: 'An id names an item for the provider that made it.' },
  { field: 'input[].phase', why: "It tells OpenAI's models which of their messages were comments." },
  { field: 'input[].status', why: 'An item that is sent back is complete.' },
  { field: 'input[].type: reasoning', why: 'Nobody but its maker can read a sealed thought.' },
  { field: 'input[].type: tool_search_call', why: 'The tools that were found are declared as any other tool.' },
  { field: 'input[].type: web_search_call', why: 'The answer that follows says what was found.' },
  { field: 'input[].content[].prompt_cache_breakpoint', why: "It says how prefixes are kept in OpenAI's cache." },
  { field: 'prompt_cache_options', why: "It says how prefixes are kept in OpenAI's cache." },
  { field: 'prompt_cache_retention', why: "It says how long prefixes are kept in OpenAI's cache." },
  { field: 'reasoning.context', why: 'It says which of its earlier thoughts a model of OpenAI is shown.' },
  { field: 'store', why: 'Nothing is kept: an answer cannot be asked for again.' },
  { field: 'stream_options', why: 'It says how a stream is padded.' },
  { field: 'tools[].defer_loading', why: 'A tool that would be looked for is declared at once.' },
];

/** Fields that are refused, unless they ask for what happens anyway. */
export const REFUSED_FIELDS: readonly FieldNote[] = [
  {
    field: 'background',
    why: 'The cost of an answer that is asked for later is known long after the request.',
    isRefusedAlways: true,
  },
  { field: 'conversation', why: OF_ACCOUNT, isRefusedAlways: true },
  { field: 'input[].content[].file_id', why: OF_ACCOUNT, isRefusedAlways: true },
  { field: 'input[].type: compaction', why: 'Nobody but its maker can read the summary of a conversation.' },
  { field: 'input[].type: item_reference', why: OF_ACCOUNT, isRefusedAlways: true },
  { field: 'max_tool_calls', why: "It counts calls of OpenAI's own tools." },
  {
    field: 'moderation',
    why: 'It names another model, which would read the request too.',
    isRefusedAlways: true,
  },
  { field: 'previous_response_id', why: KEEPS_NOTHING },
  { field: 'prompt', why: OF_ACCOUNT, isRefusedAlways: true },
  { field: 'reasoning.mode', why: 'Only models of OpenAI have other modes than standard.' },
  { field: 'tools[].allowed_callers', why: 'Only models of OpenAI run programs that call tools.' },
  { field: 'top_logprobs', why: 'The probabilities of tokens cannot be brought back from other dialects.' },
  { field: 'truncation: auto', why: 'Only OpenAI leaves out the beginning of a conversation that is too long.' },
];
