import { Module } from '@nestjs/common';
import { guardHeads } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { LeaksModule } from '../../leaks/leaks.module.js';
import { ScanningMeter } from '../../metrics.js';
import { ScanningMetricsModule } from '../../metrics.module.js';
import { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from '../../ports.js';
import { fetchPublicKeys } from './fetch-public-keys.js';
import { GithubController } from './github.controller.js';
import { GithubPublicKeys } from './public-keys.js';
import { ReportHeadGuard } from './signing-key.js';

/** GitHub's secret scanning partner programme. */
@Module({
  imports: [LeaksModule, ScanningMetricsModule],
  controllers: [GithubController],
  providers: [
    ...guardHeads('/webhooks/github/secret-scanning', ReportHeadGuard),
    {
      provide: GithubPublicKeys,
      useFactory: ({ githubPublicKeysUrl }: SecretScanningSettings, meter: ScanningMeter, logger: Logger) =>
        new GithubPublicKeys(() => meter.publicKeyFetch(() => fetchPublicKeys(githubPublicKeysUrl)), logger),
      inject: [SECRET_SCANNING_SETTINGS, ScanningMeter, LOGGER],
    },
  ],
})
export class GithubModule {}
