import { describe, expect, it } from 'vitest';
import { REQUEST_FIELDS } from './request-fields.js';

/** The parameters of `POST /v1/messages`, with those of its beta versions: Anthropic's reference, November 2026. */
const DOCUMENTED = `
  cache_control compaction container context_management diagnostics fallback_credit_token fallbacks inference_geo
  max_tokens mcp_servers messages metadata model output_config output_format service_tier speed stop_sequences stream
  system temperature thinking thread tool_choice tools top_k top_p user_profile_id workspace_id
`
  .trim()
  .split(/\s+/);

describe('the table of fields of Messages', () => {
  const names = REQUEST_FIELDS.map(({ name }) => name);
  it('has each field once, in lower case, with a reason', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { name, why } of REQUEST_FIELDS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });
  it('has every field that Anthropic documents', () => {
    expect(names).toEqual(expect.arrayContaining(DOCUMENTED));
  });
});
