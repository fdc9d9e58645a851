import type { FieldNote } from '../dialect-codec.js';

/** They tell what Anthropic keeps, reports or clears on its side: another model answers the same without them. */
export const HARMLESS_FIELDS = ['context_management', 'cache_control', 'diagnostics', 'safeguards'];

/** What the way to another dialect leaves out of a request of Anthropic's. */
export const HARMLESS: readonly FieldNote[] = [
  {
    field: 'context_management',
    why: 'It tells what Anthropic clears from long conversations; the others are sent whole.',
  },
  { field: 'cache_control', why: 'Marks for caches, here and in blocks and tools: OpenAI caches without them.' },
  { field: 'diagnostics', why: "It asks for a report on Anthropic's cache." },
  { field: 'safeguards', why: 'It asks Anthropic which calls are dangerous; Claude Code judges itself without.' },
  { field: 'speed', why: 'It is left out if it is "standard", which is the speed that all models have.' },
  {
    field: 'system[0]',
    why: 'The line "x-anthropic-billing-header" of Claude Code is new in each request, so that nothing could be cached.',
  },
  { field: 'messages[].content[].cache_reference', why: 'It names a part of what Anthropic has cached.' },
  { field: 'messages[].content[].citations', why: 'What an earlier answer has cited is not sent again.' },
  { field: 'messages[].content[].caller', why: 'It tells that the model itself called the tool.' },
  { field: 'thinking.block_binding', why: 'It tells which thoughts of its own Claude takes back.' },
  { field: 'tools[].defer_loading', why: 'Tools are all declared at once.' },
  { field: 'tools[].eager_input_streaming', why: 'It tells how Anthropic cuts its stream.' },
  { field: 'tools[].allowed_callers', why: 'It is left out if it allows "direct" alone.' },
];

/** What is refused on the way to any other dialect. */
export const REFUSED: readonly FieldNote[] = [
  {
    field: 'messages[-1].role',
    why: 'The last message is not one of the assistant: no model goes on in its words here.',
  },
  {
    field: 'messages[].content[].source.file_id',
    why: 'It names a file that the provider keeps for its whole account.',
    isRefusedAlways: true,
  },
  {
    field: 'messages[].content[].type',
    why: "Results of Anthropic's own tools, search results and uploads to containers have no counterpart.",
  },
  { field: 'messages[].content[].context', why: 'Documents have no context elsewhere; say it in a text.' },
  { field: 'mcp_servers', why: 'The provider itself would call these servers.', isRefusedAlways: true },
  {
    field: 'container',
    why: 'It names something that the provider keeps for its whole account.',
    isRefusedAlways: true,
  },
  { field: 'fallbacks', why: 'Routes say which models answer in place of another.', isRefusedAlways: true },
  { field: 'inference_geo', why: 'Other providers cannot be told where to compute.' },
  { field: 'speed', why: 'Any other speed than "standard" is Anthropic\'s alone.' },
  { field: 'output_config.task_budget', why: 'Other models know no budget of a task.' },
  { field: 'tools[].input_examples', why: 'Other tools have no examples; describe them in words.' },
];
