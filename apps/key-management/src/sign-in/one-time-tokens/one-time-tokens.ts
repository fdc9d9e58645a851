import { Injectable } from '@nestjs/common';
import { In, MoreThan, type EntityManager } from 'typeorm';
import { newToken, tokenDigest } from '../session-token.js';
import { oneTimeTokenEntity, type TokenPurpose } from './one-time-token.js';

/** How long the link of each purpose is good for, in milliseconds. */
const TOKEN_LIFE_MS: Readonly<Record<TokenPurpose, number>> = {
  password_reset: 3_600_000,
  email_confirmation: 24 * 3_600_000,
  sign_in_link: 3_600_000,
};

/** Expired tokens that each new one clears away. */
const CLEARED_AT_ONCE = 100;

/** A token with its end. It is shown in a link and stored nowhere. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** Index: one_time_token_by_expiry. */
const CLEAR_EXPIRED = `
  DELETE FROM keys.one_time_token WHERE digest IN (
    SELECT digest FROM keys.one_time_token WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
  )`;

/** Tokens of links. Each is of one person, for one purpose, for a while, and is used once. */
@Injectable()
export class OneTimeTokens {
  /** Makes a token in the caller's transaction. */
  async issue(manager: EntityManager, purpose: TokenPurpose, personId: string, now: Date): Promise<IssuedToken> {
    await manager.query(CLEAR_EXPIRED, [now, CLEARED_AT_ONCE]);
    const token = newToken();
    const digest = tokenDigest(token);
    if (digest === null) throw new Error('a new token has another form than tokens have');
    const expiresAt = new Date(now.getTime() + TOKEN_LIFE_MS[purpose]);
    await manager.getRepository(oneTimeTokenEntity).insert({ digest, purpose, personId, createdAt: now, expiresAt });
    return { token, expiresAt };
  }

  /** Whose token it is; null if it is good for nothing. It stays as it is: `spend` decides. */
  async ownerOf(manager: EntityManager, purpose: TokenPurpose, token: string, now: Date): Promise<string | null> {
    const digest = tokenDigest(token);
    if (digest === null) return null;
    const found = await manager
      .getRepository(oneTimeTokenEntity)
      .findOneBy({ digest, purpose, expiresAt: MoreThan(now) });
    return found?.personId ?? null;
  }

  /**
   * Uses a token up, and resolves with whose it was; null if it is unknown, used, expired or for something else. Of two
   * requests at once one gets the person: the row is deleted by one statement.
   */
  async spend(manager: EntityManager, purpose: TokenPurpose, token: string, now: Date): Promise<string | null> {
    const digest = tokenDigest(token);
    if (digest === null) return null;
    const [rows] = await manager.query<[{ person_id: string }[], number]>(
      `DELETE FROM keys.one_time_token WHERE digest = $1 AND purpose = $2 AND expires_at > $3 RETURNING person_id`,
      [digest, purpose, now],
    );
    return rows[0]?.person_id ?? null;
  }

  /** Ends all links of a person that let somebody in. */
  async endFor(manager: EntityManager, personId: string): Promise<void> {
    const purpose = In(['password_reset', 'sign_in_link'] satisfies TokenPurpose[]);
    await manager.getRepository(oneTimeTokenEntity).delete({ personId, purpose });
  }

  /** How many tokens of a purpose a person was given since then, and has not used. */
  async countSince(manager: EntityManager, purpose: TokenPurpose, personId: string, since: Date): Promise<number> {
    return manager.getRepository(oneTimeTokenEntity).countBy({ purpose, personId, createdAt: MoreThan(since) });
  }
}
