import { z } from 'zod';
import type { Maker } from './maker.js';

/** The example of a person who made something. */
export const MAKER_EXAMPLE = {
  type: 'person',
  id: '9a4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'Ann Example',
} as const;

/** Who made a key or sent an invitation, as the admin API shows it. */
export const makerReply = z
  .object({
    type: z.enum(['person', 'api_key', 'admin_secret']),
    id: z.uuid().nullable().describe('Null for the admin secret.'),
    name: z
      .string()
      .nullable()
      .describe('The name of the key, or that of the person and else their address; null for the admin secret.'),
  })
  .meta({ id: 'Maker', examples: [MAKER_EXAMPLE] });
/** A maker as a reply carries it, before it is serialised. */
export type MakerObject = Readonly<z.input<typeof makerReply>>;

/** A maker with its name, which a person may have changed since. */
export type NamedMaker = Maker & { readonly name: string | null };

export function makerObject({ kind, id, name }: NamedMaker): MakerObject {
  return kind === 'operator' ? { type: 'admin_secret', id: null, name: null } : { type: kind, id, name };
}
