import { ERRORS, type ErrorCode } from './catalogue.js';

/** The body of an error of an endpoint that speaks OpenAI's dialect. */
export interface OpenAiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/**
 * Makes the body of an error in OpenAI's shape. `message` replaces the catalogue's; `param` names the field of the
 * request that is at fault. Neither may contain a value of the request.
 */
export function openAiErrorBody(
  code: ErrorCode,
  about: { readonly message?: string; readonly param?: string } = {},
): OpenAiErrorBody {
  const { message, openaiType } = ERRORS[code];
  return { error: { message: about.message ?? message, type: openaiType, param: about.param ?? null, code } };
}
