import { FOREIGN_SEAL, withoutForeignThoughts, type JsonObject } from '@tollgate/conversation';
import { modelSplice, splice, type Splice } from '../openai/splice.js';
import type { MessagesFields } from './messages-fields.js';

/**
 * The caller's own bytes with the target's model. Thoughts of other makers' models, which the gateway has marked, are
 * left out: Claude refuses their signatures.
 */
export function bodyForClaude(
  body: Buffer,
  named: string,
  model: string,
  { model: span }: Pick<MessagesFields, 'model'>,
): Buffer {
  if (!body.includes(FOREIGN_SEAL)) {
    const splices: Splice[] = [];
    modelSplice(named, model, span, splices);
    return splice(body, splices);
  }
  // The scan has checked that the body is an object.
  const request = JSON.parse(body.toString('utf8')) as JsonObject;
  return Buffer.from(JSON.stringify({ ...withoutForeignThoughts(request), model }));
}
