import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { refusalOf } from '@tollgate/openapi';
import type { z } from 'zod';
import { parseBody, parseParams, parseQuery } from './parse-body.js';

/**
 * Reads what a handler declares by `@Body({ schema })`, `@Query({ schema })` and `@Param({ schema })`. Nest's own pipe,
 * but bodies are decoded from their bytes here, and faults are problems with messages of ours. An argument without a
 * schema is handed over as it came.
 *
 * @throws {Problem} as `parseBody` and `parseQuery`; for a path, the code of its `pathSchema`
 */
export class RequestPipe extends StandardSchemaValidationPipe {
  override async transform<T>(value: T, { schema, type }: ArgumentMetadata): Promise<T> {
    return schema === undefined ? value : (read(schema as z.ZodType, value, type) as T);
  }
}

function read(schema: z.ZodType, value: unknown, from: ArgumentMetadata['type']): unknown {
  if (from === 'body') return parseBody(schema, value);
  return from === 'param' ? parseParams(schema, value, refusalOf(schema)) : parseQuery(schema, value);
}
