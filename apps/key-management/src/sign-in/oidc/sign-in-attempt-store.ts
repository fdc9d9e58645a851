import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { signInAttemptEntity, type SignInAttempt } from './sign-in-attempt.js';

/** Expired attempts that each new one clears away. */
const CLEARED_AT_ONCE = 100;

/** Index: oidc_attempt_by_expiry. */
const CLEAR_EXPIRED = `
  DELETE FROM keys.oidc_attempt WHERE organization_id = $1 AND state_digest IN (
    SELECT state_digest FROM keys.oidc_attempt WHERE organization_id = $1 AND expires_at <= $2
    ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )`;

/** Takes an attempt, so that of two that show it one gets it. Index: oidc_attempt_pk. */
const TAKE = `
  DELETE FROM keys.oidc_attempt
  WHERE organization_id = $1 AND state_digest = $2 AND browser_digest = $3
  RETURNING provider_version, return_to, step_up_session_id, expires_at`;

interface TakenRow {
  provider_version: number;
  return_to: string;
  step_up_session_id: string | null;
  expires_at: Date;
}

/** Sign-ins that browsers have begun, one record for each state. */
@Injectable()
export class SignInAttemptStore {
  constructor(private readonly database: ServiceDatabase) {}

  async insert(attempt: SignInAttempt, now: Date): Promise<void> {
    const { organizationId } = attempt;
    await this.database.inOrganization(organizationId, async (manager) => {
      await manager.query(CLEAR_EXPIRED, [organizationId, now, CLEARED_AT_ONCE]);
      await manager.getRepository(signInAttemptEntity).insert(attempt);
    });
  }

  /** Takes the attempt of a state and a browser, once. Null if there is none, it has expired, or it was taken. */
  async take(
    key: Pick<SignInAttempt, 'organizationId' | 'stateDigest' | 'browserDigest'>,
    now: Date,
  ): Promise<SignInAttempt | null> {
    const { organizationId, stateDigest, browserDigest } = key;
    return this.database.inOrganization(organizationId, async (manager) => {
      const [rows] = await manager.query<[TakenRow[], number]>(TAKE, [organizationId, stateDigest, browserDigest]);
      const [row] = rows;
      if (row === undefined || row.expires_at <= now) return null;
      return {
        ...key,
        providerVersion: row.provider_version,
        returnTo: row.return_to,
        stepUpSessionId: row.step_up_session_id,
        expiresAt: row.expires_at,
      };
    });
  }
}
