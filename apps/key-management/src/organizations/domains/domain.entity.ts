import { EntitySchema } from 'typeorm';
import type { Domain } from './domain.js';

/** The table `keys.domain`. */
export const domainEntity = new EntitySchema<Domain>({
  name: 'keys.domain',
  schema: 'keys',
  tableName: 'domain',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    id: { type: 'uuid', primary: true },
    name: { type: 'text' },
    token: { type: 'text' },
    provenAt: { type: 'timestamptz', nullable: true, name: 'proven_at' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
  },
});
