/**
 * What Claude Code sends: a nonce in its first block of instructions, cache marks, an instruction in mid-conversation,
 * adaptive thinking with an effort, a rule for the context, a declared search of the provider's, several tools, and a
 * wish for a report on the cache.
 */
export function claudeCodeTurn(model: string, turns: readonly object[], nonce: string): object {
  const cached = { cache_control: { type: 'ephemeral' } };
  return {
    model,
    max_tokens: 32_000,
    stream: true,
    system: [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.200; cc_entrypoint=cli; cch=${nonce};` },
      { type: 'text', text: "You are Claude Code, Anthropic's official CLI for Claude.", ...cached },
    ],
    messages: [
      ...turns.slice(0, 1),
      { role: 'system', content: 'The working folder is /home/ada/project.' },
      ...turns.slice(1),
    ],
    tools: [
      {
        name: 'Bash',
        description: 'Runs a command in a shell.',
        input_schema: {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          type: 'object',
          properties: { command: { type: 'string' }, timeout: { type: 'number' } },
          required: ['command'],
          additionalProperties: false,
        },
      },
      {
        name: LONG_NAME,
        description: 'Lists issues.',
        input_schema: { type: 'object', properties: { label: { type: 'string' } } },
        ...cached,
      },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
    ],
    metadata: { user_id: 'user_0123456789abcdef_account__session_00000000-0000-4000-8000-000000000000' },
    thinking: { type: 'adaptive' },
    output_config: { effort: 'medium' },
    diagnostics: { previous_message_id: null },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  };
}

/** The name of a tool of an MCP server: longer than OpenAI allows. */
export const LONG_NAME = 'mcp__claude_ai_project_management__list_all_open_issues_of_a_project_by_label';

/** The headers of all its calls. */
export const CLAUDE_CODE_HEADERS = {
  'anthropic-version': '2023-06-01',
  'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27',
  'anthropic-dangerous-direct-browser-access': 'true',
  'x-app': 'cli',
  'user-agent': 'claude-cli/2.1.200 (external, cli)',
};
