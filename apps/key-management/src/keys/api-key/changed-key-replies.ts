import { Injectable } from '@nestjs/common';
import type { KeySpending } from '@tollgate/contracts';
import { showVersion } from '@tollgate/http';
import type { FastifyReply } from 'fastify';
import { KeySpendingLookup } from '../list-keys/key-spending.js';
import type { ChangedKey } from './changed-key.js';
import { KeyMakers } from './key-makers.js';
import { keyObject } from './key-object.js';
import type { KeyObject } from './key.reply.js';

/** The change that a reply is about. */
interface AskedChange<Change extends ChangedKey> {
  readonly organizationId: string;
  readonly id: string;
  readonly now: Date;
  /** Already under way: what the reply shows besides is read beside it. */
  readonly change: Promise<Change>;
  /** What the key has spent, where the change knows better than usage-billing. */
  readonly spent?: (known: KeySpending | null, change: Change) => Parameters<typeof keyObject>[1];
}

/** Answers changes of one key with the key as it is afterwards. */
@Injectable()
export class ChangedKeyReplies {
  constructor(
    private readonly spending: KeySpendingLookup,
    private readonly makers: KeyMakers,
  ) {}

  /** The key for the body of `reply`, whose status is 202 while gateways are still being told. Rejects as `change`. */
  async show<Change extends ChangedKey>(
    reply: FastifyReply,
    { organizationId, id, now, change, spent = (known) => known }: AskedChange<Change>,
  ): Promise<KeyObject> {
    const [changed, spending, makers] = await Promise.all([
      change,
      this.spending.of(organizationId, [id]),
      this.makers.of(organizationId, [id]),
    ]);
    if (!changed.everywhere) void reply.code(202);
    showVersion(reply, changed.key.version);
    return keyObject(changed.key, spent(spending.get(id) ?? null, changed), now, makers.get(id) ?? null);
  }
}
