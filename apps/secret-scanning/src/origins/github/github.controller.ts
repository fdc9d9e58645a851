import { Body, Controller, Headers, Inject, Post } from '@nestjs/common';
import type { Peppers } from '@tollgate/api-key';
import { parseJson, Problem, WEBHOOK_BODY_BYTES_MAX } from '@tollgate/http';
import { Admits, Operation, Refuses, Replies, Tag, TakesBytes } from '@tollgate/openapi';
import { GithubPublicKeys } from './public-keys.js';
import { readItem } from './report.js';
import { signatureHolds } from './signature.js';
import { ImportedKeysKnown } from '../../leaks/imported-keys-known.js';
import { ReceiveReport } from '../../leaks/receive-report.js';
import { ScanningMeter } from '../../metrics.js';
import { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from '../../ports.js';
import { githubReply, type ItemFeedback } from './github.reply.js';
import { githubRequest, ITEMS_MAX } from './github.request.js';
import { findSigningKey, RETRY_AFTER } from './signing-key.js';

/**
 * The webhook for GitHub's secret scanning partner programme. `ReportHeadGuard` refuses a report that does not name a
 * published key before its body is read. The signature is checked over the raw bytes before they are parsed. The answer
 * is 401 if it is not valid, and 503 if GitHub's list of keys or key-management cannot be reached (GitHub tries again).
 */
@Tag('Leaks')
@Admits('githubSignature', 'invalid_signature', 'unknown_signing_key', 'signing_keys_unavailable')
@Controller('webhooks/github/secret-scanning')
export class GithubController {
  private readonly peppers: Peppers;

  constructor(
    private readonly publicKeys: GithubPublicKeys,
    private readonly receiveReport: ReceiveReport,
    private readonly meter: ScanningMeter,
    private readonly imported: ImportedKeysKnown,
    @Inject(SECRET_SCANNING_SETTINGS) { peppers }: SecretScanningSettings,
  ) {
    this.peppers = peppers;
  }

  @Post()
  @Operation({
    id: 'reportLeakedSecrets',
    summary: 'Report secrets that leaked',
    description:
      'The webhook of the secret scanning partner programme of GitHub. Keys of ours among the tokens are revoked before ' +
      'the reply. Sending a report again changes nothing.',
  })
  @TakesBytes(githubRequest)
  @Replies(githubReply, { 200: 'One label for each item, in order.' })
  @Refuses('service_unavailable')
  async receive(
    @Headers('github-public-key-identifier') identifier: string | undefined,
    @Headers('github-public-key-signature') signature: string | undefined,
    @Body() body: unknown,
  ): Promise<ItemFeedback[]> {
    try {
      const feedback = await this.answer(identifier, signature, body instanceof Uint8Array ? body : new Uint8Array());
      this.meter.report('answered');
      this.meter.items(feedback.map(({ label }) => label));
      return feedback;
    } catch (error) {
      this.meter.report(error instanceof Problem ? error.code : 'internal_error');
      throw error;
    }
  }

  private async answer(
    identifier: string | undefined,
    signature: string | undefined,
    bytes: Uint8Array,
  ): Promise<ItemFeedback[]> {
    if (bytes.length > WEBHOOK_BODY_BYTES_MAX) throw new Problem('body_too_large');
    await this.verify(bytes, identifier, signature);
    const reported = itemsOf(bytes);
    const mayBeImported = await this.imported.mayExist();
    const items = reported.map((item) => readItem(item, this.peppers, mayBeImported));
    const result = await this.receiveReport.execute('github', items, new Date());
    if (result.kind === 'unavailable') throw new Problem('service_unavailable', { headers: RETRY_AFTER });
    return items.map(({ tokenHash, tokenType }, index) => ({
      token_hash: tokenHash,
      token_type: tokenType,
      label: result.labels[index]!,
    }));
  }

  private async verify(
    bytes: Uint8Array,
    identifier: string | undefined,
    signature: string | undefined,
  ): Promise<void> {
    const key = await findSigningKey(this.publicKeys, { identifier, signature });
    if (signature === undefined || !signatureHolds(bytes, signature, key)) throw new Problem('invalid_signature');
  }
}

function itemsOf(bytes: Uint8Array): unknown[] {
  const report = parseJson(bytes);
  if (!Array.isArray(report))
    throw new Problem('invalid_request', { errors: [{ path: '', message: 'must be a list' }] });
  if (report.length > ITEMS_MAX)
    throw new Problem('body_too_large', { detail: `A report has at most ${ITEMS_MAX} items.` });
  return report;
}
