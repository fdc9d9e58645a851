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

/** Tools of the provider whose calls a request can limit by `max_uses`. */
export const LIMITED_TOOLS = /^(?:web_search|web_fetch)_\d{8}$/;
/**
 * Those that the model itself calls if the request does not say who does. Later versions are called by code that the
 * model writes and the provider runs, as often as it likes: `max_uses` bounds none of these passes.
 */
export const DIRECT_TOOLS = /^(?:web_search_20250305|web_fetch_20250910)$/;

/** The tool that asks another model, which it names. */
export const ADVISOR = /^advisor_/;

/** More uses than this are no limit. */
export const USES_MAX = 1_000;
