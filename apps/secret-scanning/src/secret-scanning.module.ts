import { Module } from '@nestjs/common';
import { EscalateModule } from './escalate/escalate.module.js';
import { FollowKeyChangesModule } from './follow-key-changes/follow-key-changes.module.js';
import { GithubModule } from './origins/github/github.module.js';
import { OwnerMailModule } from './owner-mail/owner-mail.module.js';
import { ScanningLifecycle } from './scanning-lifecycle.js';

/** The service without its listeners: webhook, bus handlers, relay and mails. A global module provides its ports. */
@Module({
  imports: [GithubModule, FollowKeyChangesModule, EscalateModule, OwnerMailModule],
  providers: [ScanningLifecycle],
})
export class SecretScanningModule {}
