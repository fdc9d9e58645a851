import { EntitySchema } from 'typeorm';

/** Who a person is at the provider of an organisation. The subject is the issuer's name for them, and never changes. */
export interface OidcIdentity {
  readonly organizationId: string;
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly personId: string;
  readonly createdAt: Date;
}

/** The table `keys.oidc_identity`. */
export const oidcIdentityEntity = new EntitySchema<OidcIdentity>({
  name: 'keys.oidc_identity',
  schema: 'keys',
  tableName: 'oidc_identity',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    id: { type: 'uuid', primary: true },
    issuer: { type: 'text' },
    subject: { type: 'text' },
    personId: { type: 'uuid', name: 'person_id' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
  },
});
