import type { Reply, TollgateClient } from '@tollgate/journey';

/** A change of a key after which its calls are refused. */
export interface RefusingChange {
  readonly what: string;
  /** What calls are answered afterwards. */
  readonly status: 401 | 403;
  readonly make: (client: TollgateClient, id: string) => Promise<Reply>;
}

/** One change of each kind. */
export const REFUSING_CHANGES: readonly RefusingChange[] = [
  { what: 'a delete', status: 401, make: (client, id) => client.admin('DELETE', `/v1/api-keys/${id}`) },
  { what: 'a revoke', status: 401, make: (client, id) => client.admin('POST', `/v1/api-keys/${id}/revoke`) },
  { what: 'a disable', status: 401, make: (client, id) => client.admin('POST', `/v1/api-keys/${id}/disable`) },
  {
    what: 'a change of scopes',
    status: 403,
    make: (client, id) => client.admin('PATCH', `/v1/api-keys/${id}`, { scopes: ['analytics:read'] }),
  },
];
