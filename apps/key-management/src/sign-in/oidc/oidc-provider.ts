import { EntitySchema } from 'typeorm';

/** The OpenID provider by which people of an organisation sign in. */
export interface OidcProvider {
  readonly organizationId: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Sealed; opened for a call to the provider alone. */
  readonly clientSecret: string;
  /** Whether a session that began in another way has no access to the organisation. */
  readonly required: boolean;
  /** When an owner first signed in by this issuer and client; null if none has. */
  readonly provenAt: Date | null;
  /** 1 at first; each change adds one. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a client secret is sealed for. */
export const sealedFor = (organizationId: string): readonly string[] => ['oidc_client_secret', organizationId];

/** The table `keys.oidc_provider`. */
export const oidcProviderEntity = new EntitySchema<OidcProvider>({
  name: 'keys.oidc_provider',
  schema: 'keys',
  tableName: 'oidc_provider',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    issuer: { type: 'text' },
    clientId: { type: 'text', name: 'client_id' },
    clientSecret: { type: 'text', name: 'client_secret' },
    required: { type: 'boolean' },
    provenAt: { type: 'timestamptz', nullable: true, name: 'proven_at' },
    version: { type: 'integer' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    updatedAt: { type: 'timestamptz', name: 'updated_at' },
  },
});

/** What an owner says of the provider. `clientSecret` is sealed here; null keeps the one that is there. */
export interface ProviderSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly required: boolean;
}

/** The provider after a change, or why it may not be changed so. */
export type ProviderChange =
  | { readonly kind: 'changed'; readonly provider: OidcProvider }
  /** A secret is needed: it is the first one, or it would go to another issuer or for another client. */
  | { readonly kind: 'secret_missing' }
  /** Nobody who could mend the settings has signed in by them yet, so that demanding them could lock everybody out. */
  | { readonly kind: 'unproven' };

/** Decides about a change of an organisation's provider. `current` is null before the first. */
export function changedProvider(
  organizationId: string,
  current: OidcProvider | null,
  { issuer, clientId, clientSecret, required }: ProviderSettings,
  now: Date,
): ProviderChange {
  const same = current?.issuer === issuer && current.clientId === clientId;
  const secret = clientSecret ?? (same ? current.clientSecret : null);
  if (secret === null) return { kind: 'secret_missing' };
  const provenAt = same ? current.provenAt : null;
  if (required && provenAt === null) return { kind: 'unproven' };
  const provider: OidcProvider = {
    organizationId,
    issuer,
    clientId,
    clientSecret: secret,
    required,
    provenAt,
    version: (current?.version ?? 0) + 1,
    createdAt: current?.createdAt ?? now,
    updatedAt: now,
  };
  return { kind: 'changed', provider };
}
