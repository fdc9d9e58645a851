/**
 * What may stand in messages and tools whose cost their bytes bound: lists of what is allowed. Whatever is not in them
 * is refused for keys with a credit limit, unless it is null or an empty list.
 */

/** `content` is text, null, or a list of parts; of the others any value is text. */
export interface MessageField {
  readonly name: string;
  readonly holds: 'content' | 'text';
}

/** `kind`: what the part is; `text`: text or null; `note`: anything; `media`: no text, and never allowed. */
export interface PartField {
  readonly name: string;
  readonly holds: 'kind' | 'text' | 'note' | 'media';
}

/** `kind`: what the tool is; `text`: anything, read as text. */
export interface ToolField {
  readonly name: string;
  readonly holds: 'kind' | 'text';
}

export const MESSAGE_FIELDS: readonly MessageField[] = [
  { name: 'role', holds: 'text' },
  { name: 'content', holds: 'content' },
  ...[
    'name',
    'refusal',
    'tool_calls',
    'tool_call_id',
    'function_call',
    // Reasoning of an earlier answer, sent back.
    'reasoning_content',
    'reasoning',
    'reasoning_details',
    'thinking_blocks',
    // The answer begins with this message.
    'prefix',
    'partial',
    // Notes that are no input, or decide what is kept in a cache.
    'id',
    'type',
    'status',
    'weight',
    'cache_control',
    'prompt_cache_breakpoint',
  ].map((name) => ({ name, holds: 'text' as const })),
];

export const PART_FIELDS: readonly PartField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'text', holds: 'text' },
  { name: 'refusal', holds: 'text' },
  { name: 'cache_control', holds: 'note' },
  { name: 'prompt_cache_breakpoint', holds: 'note' },
  // What the estimate of input tokens knows: two readers must not see two different parts.
  ...[
    'image_url',
    'input_image',
    'image',
    'input_audio',
    'audio_url',
    'audio',
    'video_url',
    'input_video',
    'video',
    'file',
    'input_file',
    'document',
    'file_data',
    'file_id',
    'file_url',
    'content',
    'source',
  ].map((name) => ({ name, holds: 'media' as const })),
];

/** Kinds of parts that are text. */
export const PART_KINDS: readonly string[] = ['text', 'refusal'];

export const TOOL_FIELDS: readonly ToolField[] = [
  { name: 'type', holds: 'kind' },
  ...['function', 'custom', 'name', 'description', 'parameters', 'strict', 'cache_control'].map((name) => ({
    name,
    holds: 'text' as const,
  })),
];

/** Kinds of tools that the caller runs; all others are the provider's, who charges for them. */
export const TOOL_KINDS: readonly string[] = ['function', 'custom'];
