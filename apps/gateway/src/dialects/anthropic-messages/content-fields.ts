/**
 * Lists of the content of Messages whose cost is bounded. For keys with a credit limit anything else is refused, unless
 * it is null.
 */

/** A field of a message. */
export interface MessageField {
  readonly name: string;
  readonly holds: 'content' | 'text';
}

/**
 * A field of a block of content. `kind` names the type of the block; a `note` may be anything, and its bytes bound its
 * tokens; `content` is text or a list of blocks; `source` says where an image or a document is; `id` names a file that
 * the provider keeps; `reference` is the name of a tool, and `tool` an object with such a name or a definition.
 */
export interface BlockField {
  readonly name: string;
  readonly holds: 'kind' | 'note' | 'content' | 'source' | 'id' | 'reference' | 'tool';
}

/** A field of the tool that a block adds or takes away: its name, or its definition, as in the list of tools. */
export interface ToolField {
  readonly name: string;
  readonly holds: 'kind' | 'reference' | 'definition';
}

/** A field of a source. `data` is base64, text or an address. */
export interface SourceField {
  readonly name: string;
  readonly holds: 'kind' | 'note' | 'data' | 'content' | 'id';
}

/** The known fields of a message. */
export const MESSAGE_FIELDS: readonly MessageField[] = [
  { name: 'content', holds: 'content' },
  ...[
    'role',
    // How hard the model thinks from this message on.
    'output_config',
    // Notes of an earlier answer that clients send back with it.
    'id',
    'type',
    'model',
    'stop_reason',
    'stop_sequence',
    'usage',
    'container',
  ].map((name) => ({
    name,
    holds: 'text' as const,
  })),
];

/** The known fields of a block. */
export const BLOCK_FIELDS: readonly BlockField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'source', holds: 'source' },
  { name: 'content', holds: 'content' },
  { name: 'file_id', holds: 'id' },
  { name: 'tool_name', holds: 'reference' },
  { name: 'tool', holds: 'tool' },
  ...[
    'text',
    'thinking',
    'signature',
    'data',
    'id',
    'name',
    'input',
    'tool_use_id',
    'is_error',
    'cache_control',
    'cache_reference',
    'citations',
    'title',
    'context',
    'caller',
    'server_name',
    'encrypted_content',
  ].map((name) => ({ name, holds: 'note' as const })),
];

/** The known fields of the tool of a block. */
export const TOOL_FIELDS: readonly ToolField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'name', holds: 'reference' },
  { name: 'definition', holds: 'definition' },
];

/** The known fields of a source. */
export const SOURCE_FIELDS: readonly SourceField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'data', holds: 'data' },
  { name: 'url', holds: 'data' },
  { name: 'content', holds: 'content' },
  { name: 'media_type', holds: 'note' },
  { name: 'file_id', holds: 'id' },
];

/**
 * The types of blocks. `text` is bounded by its bytes, `media` by its source. A `reference` stands for the definition
 * of a tool, which is in the request too, and so does an `addition`, unless it has the definition itself; a `removal`
 * takes a tool away. `anything` is bounded by the model's context alone: what a tool of the provider found, which comes
 * back encrypted or by reference.
 */
export type BlockKind = 'text' | 'image' | 'document' | 'reference' | 'addition' | 'removal' | 'anything';

export const BLOCK_KINDS: ReadonlyMap<string, BlockKind> = new Map(
  Object.entries({
    text: 'text',
    thinking: 'text',
    redacted_thinking: 'text',
    tool_use: 'text',
    tool_result: 'text',
    search_result: 'text',
    image: 'image',
    document: 'document',
    compaction: 'anything',
    fallback: 'anything',
    server_tool_use: 'anything',
    web_search_tool_result: 'anything',
    web_fetch_tool_result: 'anything',
    code_execution_tool_result: 'anything',
    bash_code_execution_tool_result: 'anything',
    text_editor_code_execution_tool_result: 'anything',
    tool_search_tool_result: 'anything',
    tool_reference: 'reference',
    tool_addition: 'addition',
    tool_removal: 'removal',
    mcp_tool_use: 'anything',
    mcp_tool_result: 'anything',
    advisor_tool_result: 'anything',
  } as const),
);

/** The types of sources: those whose bytes bound a document, and those that contain or name something else. */
export const SOURCE_KINDS: ReadonlyMap<string, 'text' | 'media' | 'id'> = new Map(
  Object.entries({
    text: 'text',
    content: 'text',
    base64: 'media',
    url: 'media',
    file: 'id',
  } as const),
);
