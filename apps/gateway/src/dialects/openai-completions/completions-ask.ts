import type { AskedModes } from '@tollgate/pricing';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { valueAt } from '../../json-scan/values.js';
import { TEMPLATE_TOKENS, TOKENS_MAX, type Ask, type Limits, type TokenCount, type UpstreamCall } from '../ask.js';
import type { PlainReply, StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { StreamEvents } from '../openai-chat/stream-events.js';
import { streamOptionsSplice } from '../openai-chat/upstream-body.js';
import { modelSplice, splice, type Splice } from '../openai/splice.js';
import { tierModes } from '../openai/service-tier.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import { DEFAULT_CEILING, type CompletionsHead } from './read-head.js';

/** A model may add a token before and after each text. */
const TEXT_TOKENS = 2;

/** The `Ask` of a completions request: several prompts, each with several answers, all of which are charged. */
export class CompletionsAsk extends OwnSpeech implements Ask {
  readonly model: string;
  readonly stream: boolean;
  readonly choices: number;
  readonly namedOutputTokens: number;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    readonly head: CompletionsHead,
    readonly inputTokensEstimate: number,
  ) {
    super();
    this.model = head.model;
    this.stream = head.stream;
    this.choices = head.fields.prompts * head.answers;
    // Some servers write more than the default of an absent ceiling, which is sent along only where credit is held.
    this.namedOutputTokens = Math.min((head.maxTokens ?? 0) * this.choices, TOKENS_MAX);
  }

  get #ceiling(): number {
    return this.head.maxTokens ?? DEFAULT_CEILING;
  }

  get others(): readonly OtherField[] {
    return this.head.fields.others;
  }

  get modes(): AskedModes | undefined {
    return tierModes(this.body, this.head.fields.serviceTier);
  }

  get omitted(): readonly OmittedField[] {
    return this.head.fields.omitted;
  }

  get inputTokensAllowed(): number {
    return this.#contentTokensMax + TEMPLATE_TOKENS;
  }

  /** A token has at least one byte of text, and tokens that the caller sends as numbers are fewer than their bytes. */
  get #contentTokensMax(): number {
    return this.body.length + TEXT_TOKENS * this.head.fields.prompts;
  }

  limits(): Limits | Refusal {
    if (!this.head.fields.isPrompt) return NOT_BOUNDED;
    return {
      contentTokensMax: this.#contentTokensMax,
      media: [],
      ceiling: this.#ceiling,
      choices: this.choices,
    };
  }

  countContent(count: TokenCount): number | null {
    const { prompt, promptTokens, hasText } = this.head.fields;
    if (!hasText || prompt === null) return promptTokens;
    const value = valueAt(this.body, prompt);
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    const ofTexts = items.reduce<number>(
      (sum, item) => sum + (typeof item === 'string' ? count(item) + TEXT_TOKENS : 0),
      promptTokens,
    );
    // Whatever else is input, as `suffix`, counts by its bytes.
    return ofTexts + this.body.length - (prompt.end - prompt.start);
  }

  mayReadMore(): boolean {
    return !this.head.fields.isPrompt || this.others.length > 0;
  }

  /**
   * The caller's own bytes with the target's model. A call that holds credit gets the ceiling that an absent one stands
   * for, since some servers write without end; a stream is asked for its usage.
   */
  bodyFor({ model, provider }: Target, call: UpstreamCall): Buffer {
    const { fields, maxTokens, asksUsage } = this.head;
    const names = call.fieldNames ?? provider.injectedFields.of(model);
    const splices: Splice[] = [];
    modelSplice(this.model, model, fields.model, splices);
    const isInjected = call.holdNanoUsd !== null && maxTokens === null && !call.ceilingLeftOut;
    if (isInjected) splices.push(ceilingSplice(fields));
    const streamOptions = this.stream && !asksUsage && names.streamOptions;
    if (streamOptions) splices.push(streamOptionsSplice(this.body, fields));
    call.injected =
      isInjected || streamOptions
        ? {
            ceiling: isInjected ? 'max_tokens' : null,
            ceilingTokens: isInjected ? DEFAULT_CEILING : null,
            streamOptions,
          }
        : NOTHING_INJECTED;
    return splice(this.body, splices);
  }

  /** A repeated prompt is no output, so our own count of the answer leaves it out. */
  override readReply(body: Buffer, text: string | null): PlainReply {
    const reply = super.readReply(body, text);
    if (reply.kind !== 'answer') return reply;
    return { ...reply, countedOutputTokens: Math.max(reply.countedOutputTokens - this.#echoedTokens, 0) };
  }

  readStream(credential: PartsPattern | null): StreamReader {
    return new CompletionEvents(this.head.showUsage, credential, this.#echoedTokens);
  }

  get #echoedTokens(): number {
    return this.head.echo ? this.inputTokensEstimate : 0;
  }
}

/** The events of a streamed completion, which are those of a chat but for the place of the text. */
class CompletionEvents extends StreamEvents {
  constructor(
    showUsage: boolean,
    credential: PartsPattern | null,
    private readonly echoedTokens: number,
  ) {
    super(showUsage, credential);
  }

  override countedTokens(): number {
    return Math.max(super.countedTokens() - this.echoedTokens, 0);
  }
}

function ceilingSplice({ open, maxTokens }: CompletionsHead['fields']): Splice {
  if (maxTokens !== null) return { ...maxTokens, text: String(DEFAULT_CEILING) };
  return { start: open, end: open, text: `"max_tokens":${DEFAULT_CEILING},` };
}

const NOT_BOUNDED = refuse('unbounded_cost', {
  message:
    'The prompt contains something other than texts and tokens, whose cost is not known before the call, and the API key has a credit limit.',
  param: 'prompt',
});
