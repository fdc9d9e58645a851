import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Problem } from '@tollgate/http';

/** Exports that are written for one organisation at once. Each keeps a page or two while its reader is slow. */
const EXPORTS_AT_ONCE_MAX = 4;
const RETRY_AFTER_SECONDS = 5;

/** The exports of usage that are being written by this process. */
@Injectable()
export class UsageExports {
  private readonly open = new Map<string, number>();

  /**
   * Lines as the body of a reply: they are read as fast as the client takes them, and no longer than it stays.
   * @throws {Problem} `rate_limit_exceeded` if the organisation has as many exports as it may have at once
   */
  begin(organizationId: string, lines: AsyncIterable<string>): Readable {
    const open = this.open.get(organizationId) ?? 0;
    if (open >= EXPORTS_AT_ONCE_MAX)
      throw new Problem('rate_limit_exceeded', {
        detail: `At most ${EXPORTS_AT_ONCE_MAX} exports of the organization's usage are written at once. Ask again when one of them has ended.`,
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    this.open.set(organizationId, open + 1);
    return Readable.from(lines, { highWaterMark: 1 }).once('close', () => this.end(organizationId));
  }

  private end(organizationId: string): void {
    const open = this.open.get(organizationId) ?? 0;
    if (open > 1) this.open.set(organizationId, open - 1);
    else this.open.delete(organizationId);
  }
}
