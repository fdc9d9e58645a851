import type { Span } from '../../json-scan/json-tokens.js';
import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type ScannedFields } from '../request-scan/field-table.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/** The fields of our own endpoint for one prompt. The translation refuses all others by name. */
const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'It decides how the answer is read.', 'stream'),
  ...rows('read', 'It is the ceiling of the output.', 'max_output_tokens'),
  ...rows('bounded', 'It is text of the input.', 'prompt system'),
  ...rows('free', 'It decides which token comes next.', 'temperature top_p'),
  ...rows('free', 'It decides where an answer ends, within its ceiling.', 'stop'),
  ...rows('free', 'It names the caller.', 'user'),
  ...ELSEWHERE_FIELDS,
];

/** The fields of a body of `inference` that the gateway reads. A span is null if the body does not have the field. */
export interface InferenceFields extends ScannedFields {
  model: Span | null;
  stream: Span | null;
  maxOutputTokens: Span | null;
}

/** The table by which the scan finds the fields of a body of `inference`. */
export const INFERENCE_FIELDS = fieldTable<InferenceFields>({
  rows: REQUEST_FIELDS,
  places: { model: 'model', stream: 'stream', max_output_tokens: 'maxOutputTokens' },
  readers: {},
  readDepth: 1,
  empty: () => ({ open: 0, model: null, stream: null, maxOutputTokens: null, others: NO_OTHERS, omitted: NO_OMITTED }),
});
