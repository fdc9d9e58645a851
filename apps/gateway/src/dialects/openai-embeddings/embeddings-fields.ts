import type { Span } from '../../json-scan/json-tokens.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type ScannedFields } from '../request-scan/field-table.js';
import { InputReader, type InputSeen } from './input-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';

/** The fields of an embeddings body that the gateway reads. A span is null if the body does not have the field. */
export interface EmbeddingsFields extends ScannedFields, InputSeen {
  model: Span | null;
  input: Span | null;
}

/** The table by which the scan finds the fields of an embeddings body. */
export const EMBEDDINGS_FIELDS = fieldTable<EmbeddingsFields>({
  rows: REQUEST_FIELDS,
  places: { model: 'model', input: 'input' },
  readers: { input: () => new InputReader() },
  readDepth: 3,
  empty: () => ({
    open: 0,
    model: null,
    input: null,
    tokens: 0,
    lists: 0,
    hasText: false,
    isBounded: true,
    others: NO_OTHERS,
    omitted: NO_OMITTED,
  }),
});
