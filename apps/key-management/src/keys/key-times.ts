import { Injectable } from '@nestjs/common';
import { EndSecrets } from './end-secrets/end-secrets.js';
import { KeyNotices } from './key-notices/key-notices.js';

/** What happens to keys as time passes: former secrets end, and people are told of what is due. */
@Injectable()
export class KeyTimes {
  constructor(
    private readonly endSecrets: EndSecrets,
    private readonly notices: KeyNotices,
  ) {}

  start(): void {
    this.endSecrets.start();
    this.notices.start();
  }

  /** Resolves when the runs under way have ended. */
  async stop(): Promise<void> {
    await Promise.all([this.endSecrets.stop(), this.notices.stop()]);
  }
}
