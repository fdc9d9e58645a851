import { Inject, Injectable } from '@nestjs/common';
import { NOBODY, type Actor } from '@tollgate/auth';
import { recordOf, tokensIn } from './domain-name.js';
import { DomainStore } from './domain-store.js';
import type { Domain } from './domain.js';
import { TXT_LOOK_UP, type TxtLookUp } from './txt-look-up.js';

/** How the verification of a claim ended. `unproven`: the record was not there. */
export type Verification =
  { readonly kind: 'proven'; readonly domain: Domain } | { readonly kind: 'unproven' | 'taken' | 'not_found' };

/** Looks the record of a claim up. A claim that was proven, and whose record is gone, is proven no more. */
@Injectable()
export class VerifyDomain {
  constructor(
    private readonly store: DomainStore,
    @Inject(TXT_LOOK_UP) private readonly lookUp: TxtLookUp,
  ) {}

  /** @throws {DnsUnavailable} and nothing is changed */
  async execute(organizationId: string, id: string, actor: Actor, now: Date): Promise<Verification> {
    const domain = await this.store.find(organizationId, id);
    if (domain === null) return { kind: 'not_found' };
    const tokens = tokensIn(await this.lookUp(recordOf(domain.name, domain.token).name));
    if (!tokens.includes(domain.token)) {
      await this.store.setProven(domain, null, actor);
      return { kind: 'unproven' };
    }
    await this.endFormer(domain, tokens);
    const written = await this.store.setProven(domain, now, actor);
    if (written === 'taken') return { kind: 'taken' };
    return written === null ? { kind: 'not_found' } : { kind: 'proven', domain: written };
  }

  /** A domain that has changed hands is proven no more for who had it: their record is gone. */
  private async endFormer({ organizationId, name }: Domain, tokens: readonly string[]): Promise<void> {
    const holder = await this.store.proven(name);
    if (holder === null || holder.organizationId === organizationId || tokens.includes(holder.token)) return;
    await this.store.setProven(holder, null, NOBODY);
  }
}
