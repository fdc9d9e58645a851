import type { KeyObject } from 'node:crypto';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';
import { GithubPublicKeys, PublicKeysUnavailable } from './public-keys.js';
import { ScanningMeter } from '../../metrics.js';

/** Header of a 503: GitHub sends the report again after this many seconds. */
export const RETRY_AFTER = { 'retry-after': '30' };

/** The two signature headers of a report; undefined if they are missing. */
export interface ReportHead {
  readonly identifier: string | undefined;
  readonly signature: string | undefined;
}

/**
 * Finds the public key that a report names in its headers.
 * @throws {Problem} `invalid_signature` without the two headers, `unknown_signing_key`, `signing_keys_unavailable`
 */
export async function findSigningKey(
  publicKeys: GithubPublicKeys,
  { identifier, signature }: ReportHead,
): Promise<KeyObject> {
  if (!identifier || !signature) throw new Problem('invalid_signature');
  const key = await publicKeys.find(identifier).catch((cause: unknown) => {
    if (cause instanceof PublicKeysUnavailable)
      throw new Problem('signing_keys_unavailable', { cause, headers: RETRY_AFTER });
    throw cause;
  });
  if (key === null) throw new Problem('unknown_signing_key');
  return key;
}

/** Refuses a report by its headers if they name no key that GitHub publishes, before its body (8 MiB) is read. */
@Injectable()
export class ReportHeadGuard implements CanActivate {
  constructor(
    private readonly publicKeys: GithubPublicKeys,
    private readonly meter: ScanningMeter,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const text = (name: string): string | undefined => headers[name]?.toString();
    const head = { identifier: text('github-public-key-identifier'), signature: text('github-public-key-signature') };
    try {
      await findSigningKey(this.publicKeys, head);
    } catch (error) {
      this.meter.report(error instanceof Problem ? error.code : 'internal_error');
      throw error;
    }
    return true;
  }
}
