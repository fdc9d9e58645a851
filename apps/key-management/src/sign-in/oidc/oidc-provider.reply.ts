import { z } from 'zod';
import type { OidcProvider } from './oidc-provider.js';

const EXAMPLE = {
  object: 'oidc_provider',
  issuer: 'https://login.example.com',
  client_id: 'tollgate',
  client_secret_set: true,
  required: false,
  proven_at: null,
  redirect_uri: 'https://tollgate.example.com/v1/sessions/oidc/callback',
  created_at: '2026-11-20T09:30:00.000Z',
  updated_at: '2026-11-20T09:30:00.000Z',
} as const;

/** The provider of an organisation as the admin API shows it: without its secret. */
export const oidcProviderReply = z
  .object({
    object: z.literal('oidc_provider'),
    issuer: z.string(),
    client_id: z.string(),
    client_secret_set: z.literal(true).describe('There is a secret; nobody is shown it.'),
    required: z.boolean(),
    proven_at: z
      .string()
      .nullable()
      .meta({ format: 'date-time' })
      .describe('When an owner first signed in by this issuer and client; before that it cannot be demanded.'),
    redirect_uri: z.string().describe('What to register at the provider.'),
    created_at: z.string().meta({ format: 'date-time' }),
    updated_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'OidcProvider', examples: [EXAMPLE] });
export type OidcProviderObject = Readonly<z.input<typeof oidcProviderReply>>;

/** The reply to the end of a provider. */
export const deletedOidcProviderReply = oidcProviderReply
  .extend({ deleted: z.literal(true) })
  .meta({ id: 'DeletedOidcProvider', examples: [{ ...EXAMPLE, deleted: true }] });

/** A provider as a reply carries it. `redirectUri` is the callback on the public origin. */
export function oidcProviderObject(provider: OidcProvider, redirectUri: string): OidcProviderObject {
  return {
    object: 'oidc_provider',
    issuer: provider.issuer,
    client_id: provider.clientId,
    client_secret_set: true,
    required: provider.required,
    proven_at: provider.provenAt?.toISOString() ?? null,
    redirect_uri: redirectUri,
    created_at: provider.createdAt.toISOString(),
    updated_at: provider.updatedAt.toISOString(),
  };
}
