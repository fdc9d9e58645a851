import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { bodyForClaude } from '../anthropic-messages/body-for-claude.js';
import { othersOf, type MessagesFields } from '../anthropic-messages/messages-fields.js';
import type { StreamReader } from '../answer.js';
import type { Ask, Limits, UpstreamCall } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';

/** The `Ask` of a count of tokens: it has no answer of a model, and nothing is charged for it. */
export class CountTokensAsk extends OwnSpeech implements Ask {
  readonly isFree = true;
  readonly stream = false;
  readonly inputTokensEstimate = 0;
  readonly namedOutputTokens = 0;
  readonly choices = 0;
  readonly inputTokensAllowed = 0;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    readonly fields: MessagesFields,
    readonly model: string,
  ) {
    super();
  }

  get others(): readonly OtherField[] {
    return othersOf(this.fields);
  }

  get omitted(): readonly OmittedField[] {
    return this.fields.omitted;
  }

  limits(): Limits {
    return { contentTokensMax: 0, media: [], ceiling: null, choices: 0 };
  }

  countContent(): null {
    return null;
  }

  mayReadMore(): boolean {
    return false;
  }

  bodyFor(target: Target, call: UpstreamCall): Buffer {
    call.injected = NOTHING_INJECTED;
    return bodyForClaude(this.body, this.model, target, this.fields);
  }

  readStream(): StreamReader {
    throw new Error('counts of tokens are not streamed');
  }
}
