import { z } from 'zod';

const EXAMPLE = {
  object: 'api_key_import',
  mode: 'report',
  lines: 3,
  valid: 2,
  imported: 0,
  errors: [{ line: 2, path: 'sha256', message: 'belongs to a key that exists already' }],
  errors_left_out: 0,
} as const;

/** What an import has done, or would do. */
export const importKeysReply = z
  .object({
    object: z.literal('api_key_import'),
    mode: z.enum(['all', 'report']),
    lines: z.int().describe('Lines that are not blank.'),
    valid: z.int().describe('Lines that can be imported.'),
    imported: z.int().describe('Keys that are there now; 0 for a report.'),
    errors: z
      .array(
        z.object({
          line: z.int().describe('From 1 on, blank lines counted.'),
          path: z.string().describe('The field; empty where it is the line as a whole.'),
          message: z.string(),
        }),
      )
      .readonly()
      .describe('The first faults, by line.'),
    errors_left_out: z.int().describe('Faults that are not listed.'),
  })
  .meta({ id: 'ApiKeyImport', examples: [EXAMPLE, { ...EXAMPLE, mode: 'all', valid: 3, imported: 3, errors: [] }] });
export type ImportKeysObject = Readonly<z.input<typeof importKeysReply>>;
