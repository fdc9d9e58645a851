/**
 * What Codex sends: all of the conversation with each turn, nothing stored, thoughts sealed, its own patch tool with a
 * grammar, tools in a namespace, a declared search of the provider's.
 */
export function codexTurn(model: string, input: readonly object[]): object {
  return {
    model,
    instructions: 'You are Codex, a coding agent that runs in a terminal.',
    input: [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: '<permissions>all</permissions>' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: '<environment_context/>' }] },
      ...input,
    ],
    tools: [
      {
        type: 'function',
        name: 'shell_command',
        description: 'Runs a command in a shell.',
        strict: false,
        parameters: {
          type: 'object',
          properties: { command: { type: 'string' }, workdir: { type: 'string' } },
          required: ['command'],
          additionalProperties: false,
        },
      },
      {
        type: 'custom',
        name: 'apply_patch',
        description: 'Changes files.',
        format: { type: 'grammar', syntax: 'lark', definition: 'start: "*** Begin Patch" /(.|\\n)+/ "*** End Patch"' },
      },
      {
        type: 'namespace',
        name: 'mcp__issues__',
        description: 'Issues of the project.',
        tools: [
          {
            type: 'function',
            name: 'list_issues',
            description: 'Lists issues.',
            strict: false,
            parameters: { type: 'object', properties: { label: { type: 'string' } } },
          },
        ],
      },
      { type: 'web_search', external_web_access: true },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    access_programs: ['trusted_access'],
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: '00000000-0000-7000-8000-000000000000',
    text: { verbosity: 'low' },
  };
}

/** What its user writes. */
export function codexMessage(text: string): object {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
}

/** The headers of all its calls. */
export const CODEX_HEADERS = {
  accept: 'text/event-stream',
  originator: 'codex_cli_rs',
  session_id: '00000000-0000-7000-8000-000000000000',
  'user-agent': 'codex_cli_rs/0.160.0 (Debian 12.0.0; x86_64)',
  version: '0.160.0',
};
