import { isAbsent, parseObject } from './body-object.js';
import { invalidRequest, type OpenAiError } from './errors.js';

/** What the simulator reads of an embeddings request. */
export interface EmbeddingsRequest {
  model: string;
  /** Texts, or lists of tokens. */
  inputs: readonly (string | readonly number[])[];
  encoding: 'float' | 'base64';
  dimensions: number;
  /** The body field `simulator`, unchecked; undefined when absent. */
  behaviour: unknown;
}

export type ParsedEmbeddingsRequest =
  { kind: 'valid'; request: EmbeddingsRequest } | { kind: 'invalid'; error: OpenAiError };

const DIMENSIONS_DEFAULT = 8,
  DIMENSIONS_MAX = 3_072,
  INPUTS_MAX = 2_048;

/** Reads the body of `POST /v1/embeddings` as OpenAI does. `deployment`: the model where the path names it. */
export function parseEmbeddingsRequest(body: Buffer, deployment: string | null): ParsedEmbeddingsRequest {
  const fields = parseObject(body);
  if (fields === undefined) return refuse('We could not parse the JSON body of your request.');
  const model = deployment ?? fields['model'];
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter');
  const inputs = inputsOf(fields['input']);
  if (
    inputs === undefined ||
    inputs.length === 0 ||
    inputs.length > INPUTS_MAX ||
    inputs.some((each) => each.length === 0)
  )
    return refuse("'$.input' is invalid. Please check the API reference.", 'input');
  const encoding = fields['encoding_format'] ?? 'float';
  if (encoding !== 'float' && encoding !== 'base64')
    return refuse("Invalid value for 'encoding_format': expected 'float' or 'base64'.", 'encoding_format');
  const dimensions = fields['dimensions'];
  if (!isAbsent(dimensions) && !isDimensions(dimensions))
    return refuse("Invalid value for 'dimensions'.", 'dimensions');
  return {
    kind: 'valid',
    request: {
      model,
      inputs,
      encoding,
      dimensions: isAbsent(dimensions) ? DIMENSIONS_DEFAULT : dimensions,
      behaviour: fields['simulator'],
    },
  };
}

function isDimensions(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= DIMENSIONS_MAX;
}

/** One text, a list of texts, one list of tokens, or a list of such lists. */
function inputsOf(input: unknown): EmbeddingsRequest['inputs'] | undefined {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return undefined;
  const items = input as unknown[];
  if (items.length > 0 && isTokens(items)) return [items];
  if (items.every((item): item is string => typeof item === 'string')) return items;
  return items.every(isTokens) ? items : undefined;
}

function isTokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((token) => Number.isSafeInteger(token) && token >= 0);
}

function refuse(message: string, param: string | null = null): ParsedEmbeddingsRequest {
  return { kind: 'invalid', error: invalidRequest(message, param) };
}
