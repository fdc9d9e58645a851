import { z } from 'zod';
import { recordOf } from './domain-name.js';
import type { Domain } from './domain.js';

const EXAMPLE = {
  object: 'domain',
  id: '3f0c2a4e-6f0d-4b52-9a53-0123456789ab',
  domain: 'example.com',
  state: 'pending',
  dns_record: {
    type: 'TXT',
    name: '_tollgate.example.com',
    value: 'tollgate-domain=mXnSgWk3v7b0Qd1rY2tZ5uA8cE9fHjLp',
  },
  proven_at: null,
  created_at: '2026-11-20T09:30:00.000Z',
} as const;

/** A domain as the admin API shows it. */
export const domainReply = z
  .object({
    object: z.literal('domain'),
    id: z.string().meta({ format: 'uuid' }),
    domain: z.string().describe('In lower case; labels outside ASCII as A-labels.'),
    state: z.enum(['pending', 'proven']).describe('`proven` once its record was seen by `…/verify`.'),
    dns_record: z
      .object({ type: z.literal('TXT'), name: z.string(), value: z.string() })
      .describe('The record to set in the DNS of the domain.'),
    proven_at: z.string().nullable().meta({ format: 'date-time' }),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Domain', examples: [EXAMPLE] });
export type DomainObject = Readonly<z.input<typeof domainReply>>;

/** All domains of an organisation: there are at most 100, so the list has one page. */
export const domainListReply = z
  .object({
    object: z.literal('list'),
    data: z.array(domainReply).readonly(),
    has_more: z.literal(false),
    next_cursor: z.null(),
  })
  .meta({ id: 'DomainList', examples: [{ object: 'list', data: [EXAMPLE], has_more: false, next_cursor: null }] });
export type DomainList = Readonly<z.input<typeof domainListReply>>;

/** The reply to the end of a claim. */
export const deletedDomainReply = domainReply
  .extend({ deleted: z.literal(true) })
  .meta({ id: 'DeletedDomain', examples: [{ ...EXAMPLE, deleted: true }] });

/** A domain as a reply carries it. */
export function domainObject({ id, name, token, provenAt, createdAt }: Domain): DomainObject {
  return {
    object: 'domain',
    id,
    domain: name,
    state: provenAt === null ? 'pending' : 'proven',
    dns_record: { type: 'TXT', ...recordOf(name, token) },
    proven_at: provenAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  };
}
