import { z } from 'zod';
import type { SimulatorOptions } from './server.js';

const environment = z.object({
  SIMULATOR_HOST: z.string().min(1).default('127.0.0.1'),
  SIMULATOR_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'expected a port')
    .transform(Number)
    .pipe(z.int().max(65_535))
    .default(8090),
  SIMULATOR_REQUIRED_CREDENTIAL: z.string().min(1).optional(),
});

/**
 * Reads the simulator's settings; throws an Error that names every wrong one, without its value. Port 0 is any free
 * one.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): SimulatorOptions {
  const result = environment.safeParse(env);
  if (!result.success) {
    throw new Error(`wrong settings: ${result.error.issues.map((issue) => issue.path.join('.')).join(', ')}`);
  }
  const { SIMULATOR_HOST: host, SIMULATOR_PORT: port, SIMULATOR_REQUIRED_CREDENTIAL: requiredCredential } = result.data;
  return { host, port, requiredCredential };
}
