/**
 * What Claude Code sends: a nonce in its first block of instructions, cache marks, an instruction in mid-conversation
 * with an effort and a tool that may be called from there on, adaptive thinking, a rule for the context, a declared
 * search of the provider's, several tools, and wishes for a report on the cache and a judgement of tool calls.
 */
export function claudeCodeTurn(model: string, turns: readonly object[], nonce: string): object {
  const cached = { cache_control: { type: 'ephemeral' } };
  return {
    model,
    max_tokens: 32_000,
    stream: true,
    system: [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.295; cc_entrypoint=cli; cch=${nonce};` },
      { type: 'text', text: "You are Claude Code, Anthropic's official CLI for Claude.", ...cached },
    ],
    messages: [
      ...turns.slice(0, 1),
      {
        role: 'system',
        content: [
          { type: 'text', text: 'The working folder is /home/ada/project.', cache_reference: 'folder' },
          { type: 'tool_addition', tool: { type: 'tool_reference', name: LONG_NAME } },
        ],
        output_config: { effort: 'high' },
      },
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
        defer_loading: true,
      },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
    ],
    metadata: { user_id: 'user_0123456789abcdef_account__session_00000000-0000-4000-8000-000000000000' },
    thinking: { type: 'adaptive' },
    output_config: { effort: 'medium' },
    diagnostics: { previous_message_id: null },
    safeguards: [{ type: 'dangerous_tool_use', classifier_context: { v: 1, permission_mode: 'auto' } }],
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  };
}

/** The name of a tool of an MCP server: longer than OpenAI allows. */
export const LONG_NAME = 'mcp__claude_ai_project_management__list_all_open_issues_of_a_project_by_label';

/** The headers of all its calls. */
export const CLAUDE_CODE_HEADERS = {
  'anthropic-version': '2023-06-01',
  'anthropic-beta':
    'claude-code-20250219,interleaved-thinking-2025-05-14,thinking-token-count-2026-05-13,' +
    'context-management-2025-06-27,prompt-caching-scope-2026-01-05,mid-conversation-system-2026-04-07,' +
    'per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,effort-2025-11-24,' +
    'dangerous-tool-use-2026-09-03,afk-mode-2026-01-31',
  'anthropic-dangerous-direct-browser-access': 'true',
  'x-app': 'cli',
  'user-agent': 'claude-cli/2.1.295 (external, cli)',
};
