import { randomBytes, randomUUID } from 'node:crypto';

/** An organisation's claim on a domain of mail addresses. It counts once it is proven. */
export interface Domain {
  readonly organizationId: string;
  readonly id: string;
  /** In the form of `domainName`. */
  readonly name: string;
  /** What the domain's TXT record must show. */
  readonly token: string;
  /** When its record was last seen; null if it is not proven, or no longer. */
  readonly provenAt: Date | null;
  readonly createdAt: Date;
}

/** An organisation has no more claims than this at once. */
export const DOMAINS_MAX = 100;

/** A claim that nobody has proven. */
export function newDomain(organizationId: string, name: string, now: Date): Domain {
  return {
    organizationId,
    id: randomUUID(),
    name,
    token: randomBytes(24).toString('base64url'),
    provenAt: null,
    createdAt: now,
  };
}
