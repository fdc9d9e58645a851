import type { AskedModes } from '@tollgate/pricing';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { mediaOf, textBytes, withoutMedia } from '../../request-path/usage/media-bound.js';
import { TEMPLATE_TOKENS, TOKENS_MAX, type Ask, type Limits, type TokenCount, type UpstreamCall } from '../ask.js';
import type { StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { tokensOf } from '../openai-chat/content-tokens.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import { bodyForClaude } from './body-for-claude.js';
import { namedAgain, othersOf, type MessagesFields } from './messages-fields.js';
import { MessageEvents } from './message-events.js';

/** Providers add a prompt of their own to a request: some hundred tokens, and more for each tool. */
const INPUT_TOKENS_ALLOWED = 16_384;

/** The values of the top-level fields of a body of Messages, apart from its content. */
export interface MessagesHead {
  readonly fields: MessagesFields;
  readonly model: string;
  readonly maxTokens: number;
  readonly stream: boolean;
}

/** The `Ask` of a request to Messages. */
export class MessagesAsk extends OwnSpeech implements Ask {
  readonly choices = 1;
  readonly model: string;
  readonly stream: boolean;
  readonly namedOutputTokens: number;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    private readonly head: MessagesHead,
    readonly inputTokensEstimate: number,
  ) {
    super();
    this.model = head.model;
    this.stream = head.stream;
    this.namedOutputTokens = head.maxTokens;
  }

  get others(): readonly OtherField[] {
    return othersOf(this.head.fields);
  }

  get modes(): AskedModes | undefined {
    return modesOf(this.body, this.head.fields);
  }

  get omitted(): readonly OmittedField[] {
    return this.head.fields.omitted;
  }

  get inputTokensAllowed(): number {
    const { fields } = this.head;
    const ofBody = Math.max(this.body.length + TEMPLATE_TOKENS, INPUT_TOKENS_ALLOWED);
    return ofBody + fields.toolPromptTokens + namedAgain(fields);
  }

  /** A model reads its context once at first, and once more after each call of a tool that the provider runs. */
  get contextReads(): number {
    return this.head.fields.providerTools.reduce((reads, { callsMax }) => reads + callsMax, 1);
  }

  limits(isTranslated = false): Limits | Refusal {
    const { body } = this;
    const { fields, maxTokens } = this.head;
    if (fields.unbounded !== null) return notBounded(fields.unbounded);
    const contextReads = isTranslated ? 1 : this.contextReads;
    const providerTools = isTranslated ? [] : fields.providerTools;
    return {
      contentTokensMax: textBytes(body, fields.media) + fields.toolPromptTokens + namedAgain(fields),
      media: fields.media.map((part) => mediaOf(body, part)),
      ceiling: maxTokens,
      choices: 1,
      ...(contextReads > 1 && { contextReads }),
      ...(providerTools.length > 0 && { providerTools }),
    };
  }

  countContent(count: TokenCount): number | null {
    const { fields } = this.head;
    const tokens = tokensOf(withoutMedia(this.body, fields.media), count);
    return tokens === null ? null : tokens + fields.toolPromptTokens + namedAgain(fields);
  }

  mayReadMore(): boolean {
    const { media, providerTools } = this.head.fields;
    return media.length > 0 || providerTools.length > 0 || this.others.length > 0;
  }

  /** The caller's own bytes with the target's model. The ceiling is always the caller's: the dialect demands one. */
  bodyFor(target: Target, call: UpstreamCall): Buffer {
    call.injected = NOTHING_INJECTED;
    return bodyForClaude(this.body, this.model, target, this.head.fields);
  }

  readStream(credential: PartsPattern | null): StreamReader {
    return new MessageEvents(credential);
  }
}

/** How the request asks to be served. A value that is no text is one that has no price. */
function modesOf(body: Buffer, { serviceTier, speed, inferenceGeo }: MessagesFields): AskedModes | undefined {
  if (serviceTier === null && speed === null && inferenceGeo === null) return undefined;
  const named = (span: Span | null): string | null => {
    const value = span === null ? null : valueAt(body, span);
    return value === null || typeof value === 'string' ? value : JSON.stringify(value);
  };
  return { serviceTier: named(serviceTier), speed: named(speed), inferenceGeo: named(inferenceGeo) };
}

function notBounded(param: string): Refusal {
  return refuse('unbounded_cost', {
    message: `${param} is neither text nor an image, a document or a result of a known form, so its cost is not known before the call, and the API key has a credit limit.`,
    param,
  });
}

/** The refusal of a ceiling that is missing or malformed. With 0 Anthropic only fills the cache of a prompt. */
export const NO_MAX_TOKENS = refuse('invalid_request', {
  message: `The field max_tokens is required, and must be a whole number from 0 to ${TOKENS_MAX}.`,
  param: 'max_tokens',
});
