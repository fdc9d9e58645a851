import type { Span } from '../../json-scan/json-tokens.js';
import { fieldTable, NO_OTHERS, type ScannedFields } from '../request-scan/body-scan.js';
import { InputReader, type InputSeen } from './input-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';

/** What an embeddings body asks for, as far as the gateway reads it; spans are null where it has no such field. */
export interface EmbeddingsFields extends ScannedFields, InputSeen {
  model: Span | null;
  input: Span | null;
}

/** The fields of an embeddings body, as the scan finds them. */
export const EMBEDDINGS_FIELDS = fieldTable<EmbeddingsFields>({
  rows: REQUEST_FIELDS,
  places: { model: 'model', input: 'input' },
  readers: { input: () => new InputReader() },
  empty: () => ({
    open: 0,
    model: null,
    input: null,
    tokens: 0,
    hasText: false,
    isBounded: true,
    others: NO_OTHERS,
  }),
});
