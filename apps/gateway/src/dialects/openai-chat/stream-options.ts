import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import {
  CLOSE_BRACE,
  OPEN_BRACE,
  skipName,
  skipSpace,
  skipString,
  skipValue,
  type Span,
} from '../../json-scan/json-tokens.js';
import { NameTable, ObjectNames } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';

const NAMES = new NameTable(
  [{ name: 'include_usage' }],
  () => true,
  () => true,
);

/** Whether the caller asks for the usage chunk. The gateway itself always needs the usage, to charge by it. */
export function readStreamOptions(body: Buffer, span: Span | null): boolean | Refusal {
  const options = span === null ? null : valueAt(body, span);
  if (span === null || options === null) return false;
  if (typeof options !== 'object' || Array.isArray(options)) {
    return refuse('invalid_request', {
      message: 'The field stream_options must be an object.',
      param: 'stream_options',
    });
  }
  if (!isAmbiguous(body, span.start)) return (options as Record<string, unknown>)['include_usage'] === true;
  return refuse('invalid_request', {
    message:
      'The field stream_options.include_usage must be given once, and its name spelt in lower case without escapes.',
    param: 'stream_options.include_usage',
  });
}

/** Whether some JSON reader could find another `include_usage` than we do in this object, whose grammar is checked. */
function isAmbiguous(body: Buffer, start: number): boolean {
  const names = new ObjectNames(NAMES);
  let at = skipSpace(body, start + 1);
  while (body[start] === OPEN_BRACE && body[at] !== CLOSE_BRACE) {
    if (names.take(body, at + 1, skipString(body, at + 1) - 1) !== null) return true;
    at = skipSpace(body, skipValue(body, skipName(body, at)));
    if (body[at] !== CLOSE_BRACE) at = skipSpace(body, at + 1);
  }
  return false;
}
