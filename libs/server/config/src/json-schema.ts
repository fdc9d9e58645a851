import { z } from 'zod';
import { configFileSchema } from './schema.js';

/** The JSON Schema of `config.yaml`, for editors; `config.schema.json` is this, and a spec holds it there. */
export function configJsonSchema(): object {
  return { ...z.toJSONSchema(configFileSchema, { io: 'input' }), title: 'Tollgate configuration' };
}
