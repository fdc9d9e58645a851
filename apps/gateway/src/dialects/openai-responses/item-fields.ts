/**
 * Lists of the items, parts and tools of Responses whose cost is bounded: text by its bytes, images, recordings and
 * files as `media-bound.ts` says. For keys with a credit limit anything else is refused, unless it is null or empty.
 */

/**
 * A field of an item. `content` is text, a list of parts or one part; `sealed` is what only its maker can read; `image`
 * is base64 of an image; `files` may have images; `tools` is a list of tools; any value of a `text` field is text, and
 * so is that of a `quiet` one, in which names mean nothing to a provider.
 */
export interface ItemField {
  readonly name: string;
  readonly holds: 'kind' | 'role' | 'id' | 'content' | 'sealed' | 'image' | 'files' | 'tools' | 'text' | 'quiet';
}

/**
 * A field of a part. `text` is text or null, `note` may be anything, `image`, `audio` and `file` have the content of a
 * part of such a kind, `id` names a file of the provider's, and `sealed` is text that only its maker can read.
 */
export interface PartField {
  readonly name: string;
  readonly holds: 'kind' | 'text' | 'sealed' | 'detail' | 'note' | 'image' | 'audio' | 'file' | 'id';
}

const named = <Holds extends string>(holds: Holds, names: string): { name: string; holds: Holds }[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, holds }));

/** The known fields of an item. */
export const ITEM_FIELDS: readonly ItemField[] = [
  ...named('kind', 'type'),
  ...named('role', 'role'),
  ...named('id', 'id'),
  ...named('content', 'content output summary'),
  ...named('sealed', 'encrypted_content'),
  ...named('image', 'result'),
  ...named('files', 'outputs'),
  ...named('tools', 'tools'),
  ...named(
    'text',
    'call_id name status phase namespace operation code server_label approval_request_id approve reason',
  ),
  ...named('text', 'execution environment action actions max_output_length'),
  ...named('quiet', 'arguments input queries results error'),
  // Clients with several agents say who speaks to whom.
  ...named('text', 'author recipient internal_chat_message_metadata_passthrough'),
];

/** Types of items of which nothing but their bytes is input. An item without a type is a message. */
export const TEXT_ITEMS: ReadonlySet<string> = new Set(
  named(
    'text',
    `
    message function_call function_call_output custom_tool_call custom_tool_call_output reasoning compaction
    compaction_summary local_shell_call local_shell_call_output shell_call shell_call_output apply_patch_call
    apply_patch_call_output computer_call computer_call_output web_search_call file_search_call code_interpreter_call
    image_generation_call mcp_list_tools mcp_approval_request mcp_approval_response mcp_call tool_search_call
    tool_search_output additional_tools configuration_update program program_output agent_message context_compaction
    `,
  ).map(({ name }) => name),
);

/** The known fields of a part. */
export const PART_FIELDS: readonly PartField[] = [
  ...named('kind', 'type'),
  ...named('text', 'text refusal stdout stderr'),
  ...named('detail', 'detail'),
  ...named('image', 'image_url'),
  ...named('audio', 'input_audio'),
  ...named('file', 'file_data file_url'),
  ...named('id', 'file_id'),
  ...named('sealed', 'encrypted_content'),
  ...named('note', 'annotations logprobs filename prompt_cache_breakpoint outcome id created_by'),
];

/** The known fields of an object with a part's content. `data` is base64 or an address. */
export const CONTENT_FIELDS: readonly { readonly name: string; readonly holds: 'data' | 'detail' | 'note' }[] = [
  ...named('data', 'data url'),
  ...named('detail', 'detail'),
  ...named('note', 'format'),
];

/** Types of parts, with what they contain. A part without a type is a result of a shell. */
export const PART_KINDS: Readonly<Record<string, 'text' | 'image' | 'audio' | 'file'>> = {
  input_text: 'text',
  output_text: 'text',
  text: 'text',
  refusal: 'text',
  summary_text: 'text',
  reasoning_text: 'text',
  encrypted_content: 'text',
  input_image: 'image',
  computer_screenshot: 'image',
  input_audio: 'audio',
  input_file: 'file',
};

/** The known fields of a tool that the caller runs. */
export const TOOL_FIELDS: readonly string[] = named(
  'text',
  `
  type model name description parameters strict format tools defer_loading allowed_callers output_schema environment
  container display_width display_height execution
  `,
).map(({ name }) => name);

/**
 * Types of tools that the caller runs. The provider runs all others, and may charge for them, but for a `shell` and a
 * `tool_search` that say otherwise.
 */
export const CALLERS_TOOLS: ReadonlySet<string> = new Set([
  'function',
  'custom',
  'namespace',
  'local_shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
]);
