/**
 * The kinds of tools of Messages, by their `type`, which ends with the date of a version. A tool without a type, or of
 * type `custom`, is the caller's own.
 */

/** Tools that the caller runs although Anthropic defines them. The model is told of them in a text that is not sent. */
export const TOOLS_OF_CALLER = /^(?:bash|text_editor|computer|memory)_\d{8}$/;

/**
 * The tokens of the texts that come with tools: up to some 800 for any tools at all, and up to some 750 for each tool
 * that Anthropic defines.
 */
export const TOOLS_PROMPT_TOKENS = 1_024,
  TOOL_PROMPT_TOKENS = 1_024;

/** A tool that the provider runs: its name in reports and prices, and whether each call of it has a fee. */
export interface ProviderTool {
  readonly type: RegExp;
  readonly name: string;
  readonly hasFee: boolean;
}

/** Tools of the provider whose calls a request can limit by `max_uses`. */
export const LIMITED_TOOLS: readonly ProviderTool[] = [
  { type: /^web_search_\d{8}$/, name: 'web_search', hasFee: true },
  { type: /^web_fetch_\d{8}$/, name: 'web_fetch', hasFee: false },
];

/** The tool that asks another model, which it names. */
export const ADVISOR = /^advisor_/;

/** More uses than this are no limit. */
export const USES_MAX = 1_000;
