/**
 * Lists of the content of messages and tools whose cost is bounded: text by its bytes, images, recordings and files as
 * `media-bound.ts` says. For keys with a credit limit anything else is refused, unless it is null or an empty list.
 */

/**
 * A field of a message. `content` is text, null or a list of parts; `speech` names an earlier answer of the provider by
 * its id and is no text; in a field of another use any value is text.
 */
export interface MessageField {
  readonly name: string;
  readonly holds: 'content' | 'speech' | 'text';
}

/**
 * A field of a part. `kind` names the type of the part, `text` is text or null, `note` may be anything, and `media` is
 * no text and never allowed. The others have the content of a part of one type, as an object.
 */
export interface PartField {
  readonly name: string;
  readonly holds: 'kind' | 'text' | 'note' | 'media' | 'image' | 'audio' | 'file';
}

/** A field of the object with a part's content. `data` is base64 or an address; `id` names a file of the provider's. */
export interface ContentField {
  readonly name: string;
  readonly holds: 'data' | 'detail' | 'note' | 'id';
}

/**
 * A field of a tool. `kind` names the type of the tool, and `model` a model that it asks; any value of a `text` field
 * is read as text.
 */
export interface ToolField {
  readonly name: string;
  readonly holds: 'kind' | 'model' | 'text';
}

/** The allowed fields of a message. */
export const MESSAGE_FIELDS: readonly MessageField[] = [
  { name: 'role', holds: 'text' },
  { name: 'content', holds: 'content' },
  { name: 'audio', holds: 'speech' },
  ...[
    'name',
    'refusal',
    'tool_calls',
    'tool_call_id',
    'function_call',
    // Reasoning of an earlier answer that the caller sends back.
    'reasoning_content',
    'reasoning',
    'reasoning_details',
    'thinking_blocks',
    // Signatures of Gemini, which the caller must send back.
    'extra_content',
    // Asks the model to begin its answer with this message.
    'prefix',
    'partial',
    // Notes that are no input, or that decide what is cached.
    'id',
    'type',
    'status',
    'weight',
    'cache_control',
    'prompt_cache_breakpoint',
  ].map((name) => ({ name, holds: 'text' as const })),
];

/** The known fields of a part. */
export const PART_FIELDS: readonly PartField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'text', holds: 'text' },
  { name: 'refusal', holds: 'text' },
  { name: 'cache_control', holds: 'note' },
  { name: 'prompt_cache_breakpoint', holds: 'note' },
  // Thoughts of an earlier answer of Mistral's.
  { name: 'thinking', holds: 'note' },
  { name: 'closed', holds: 'note' },
  { name: 'signature', holds: 'note' },
  { name: 'image_url', holds: 'image' },
  { name: 'input_audio', holds: 'audio' },
  { name: 'file', holds: 'file' },
  // Fields that the estimate of input tokens reads. They are listed so that both readers see the same part.
  ...[
    'input_image',
    'image',
    'audio_url',
    'audio',
    'video_url',
    'input_video',
    'video',
    'input_file',
    'document',
    'file_data',
    'file_id',
    'file_url',
    'content',
    'source',
  ].map((name) => ({ name, holds: 'media' as const })),
];

/** Types of parts: of text, and those whose content stands in the field of the same name. */
export const PART_KINDS = ['text', 'refusal', 'thinking', 'image_url', 'input_audio', 'file'] as const;

/** The known fields of such a content. */
export const CONTENT_FIELDS: readonly ContentField[] = [
  { name: 'url', holds: 'data' },
  { name: 'data', holds: 'data' },
  { name: 'file_data', holds: 'data' },
  { name: 'detail', holds: 'detail' },
  { name: 'format', holds: 'note' },
  { name: 'filename', holds: 'note' },
  { name: 'file_id', holds: 'id' },
];

/** The allowed fields of a tool. */
export const TOOL_FIELDS: readonly ToolField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'model', holds: 'model' },
  ...['function', 'custom', 'name', 'description', 'parameters', 'strict', 'cache_control'].map((name) => ({
    name,
    holds: 'text' as const,
  })),
];

/** Types of tools that the caller runs. The provider runs all others, and charges for them. */
export const TOOL_KINDS: readonly string[] = ['function', 'custom'];
