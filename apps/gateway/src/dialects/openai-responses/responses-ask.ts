import type { AskedModes } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { mediaOf, textBytes, withoutMedia } from '../../request-path/usage/media-bound.js';
import type { PartsPattern } from '../../providers/credential-mask.js';
import {
  TEMPLATE_TOKENS,
  type Ask,
  type BoundSpeech,
  type IdOwner,
  type IdsOfAccount,
  type Limits,
  type TokenCount,
  type UpstreamCall,
} from '../ask.js';
import type { StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { tokensOf } from '../openai-chat/content-tokens.js';
import { tierModes } from '../openai/service-tier.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import { BoundResponses } from './bound-responses.js';
import { isGiven, type ResponsesHead } from './read-head.js';
import { ResponseIds } from './response-ids.js';
import { ResponseEvents } from './stream-events.js';
import { upstreamBody } from './upstream-body.js';

/** Providers add a prompt of their own and built-in tools to a request: some thousand tokens for "hi". */
const INPUT_TOKENS_ALLOWED = 16_384;
/** The uses that are presumed of tools without a limit of uses, for the plausibility of a report. */
const TOOL_CALLS_PRESUMED = 100;

/** The `Ask` of a Responses request. */
export class ResponsesAsk extends OwnSpeech implements Ask, IdsOfAccount {
  readonly model: string;
  readonly stream: boolean;
  readonly choices = 1;
  readonly namedOutputTokens: number;
  readonly #usesTools: boolean;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    readonly head: ResponsesHead,
    readonly inputTokensEstimate: number,
    /** Whether the request can name a ceiling of the output. */
    readonly hasCeiling: boolean,
  ) {
    super();
    this.model = head.model;
    this.stream = head.stream;
    this.namedOutputTokens = hasCeiling ? (head.maxOutputTokens ?? 0) : 0;
    this.#usesTools = head.fields.providerTools.length > 0;
  }

  get ids(): IdsOfAccount {
    return this;
  }

  get others(): readonly OtherField[] {
    const { others, input, inputModel } = this.head.fields;
    if (inputModel === null || input === null) return others;
    return [...others, { ...input, name: 'input', use: 'elsewhere', reason: inputModel }];
  }

  get modes(): AskedModes | undefined {
    return tierModes(this.body, this.head.fields.serviceTier);
  }

  get omitted(): readonly OmittedField[] {
    return this.head.fields.omitted;
  }

  get inputTokensAllowed(): number {
    return Math.max(this.body.length + TEMPLATE_TOKENS, INPUT_TOKENS_ALLOWED);
  }

  limits(isTranslated = false): Limits | Refusal {
    const { body } = this;
    const { fields, maxOutputTokens, maxToolCalls } = this.head;
    const { media, providerTools, unbounded } = fields;
    if (unbounded !== null) return notBounded(unbounded);
    const usesTools = this.#usesTools && !isTranslated;
    if (usesTools && maxToolCalls === null) return withoutLimit(providerTools);
    const contextReads = isTranslated ? undefined : this.contextReads;
    return {
      contentTokensMax: textBytes(body, media),
      media: media.map((part) => mediaOf(body, part)),
      ceiling: this.hasCeiling ? maxOutputTokens : null,
      choices: 1,
      ...(contextReads !== undefined && { contextReads }),
      ...(usesTools && { providerTools: [{ names: providerTools.map(toolOfType), callsMax: maxToolCalls ?? 0 }] }),
    };
  }

  countContent(count: TokenCount): number | null {
    return tokensOf(withoutMedia(this.body, this.head.fields.media), count);
  }

  mayReadMore(): boolean {
    const { media, unbounded } = this.head.fields;
    return this.contextReads !== undefined || media.length > 0 || unbounded !== null || this.others.length > 0;
  }

  /** The earlier conversation is one context. Each call of a tool, and a summary, is one more pass over all of it. */
  get contextReads(): number | undefined {
    const { fields, maxToolCalls, previousId } = this.head;
    const calls = this.#usesTools ? (maxToolCalls ?? TOOL_CALLS_PRESUMED) : 0;
    const summaries = isGiven(this.body, fields.contextManagement) ? 1 : 0;
    return calls + summaries > 0 || previousId !== null ? 1 + calls + summaries : undefined;
  }

  get goesOn(): boolean {
    return this.head.previousId !== null || this.head.fields.sealed.some(({ canBeLeftOut }) => !canBeLeftOut);
  }

  get notFound(): Refusal {
    return this.head.previousId === null ? OF_ANOTHER_MODEL : NOT_FOUND;
  }

  boundTo(target: Target, owner: IdOwner): BoundSpeech | null {
    const { previousId } = this.head;
    const ids = new ResponseIds(target, owner);
    const opened = previousId === null ? null : ids.open(previousId);
    if (previousId !== null && opened === null) return null;
    return BoundResponses.of(this, ids, opened);
  }

  /** The request without anything bound, for a target that is spoken to in a translation of it. */
  bodyFor(target: Target, call: UpstreamCall): Buffer {
    return upstreamBody(this, target, call, []);
  }

  readStream(credential: PartsPattern | null): StreamReader {
    return new ResponseEvents(credential);
  }
}

const NOT_FOUND = refuse('previous_response_not_found', { param: 'previous_response_id' });
const OF_ANOTHER_MODEL = refuse('invalid_request', {
  message:
    'The input has a summary of a conversation that only the model which made it can read, and that is another one than this request leads to.',
  param: 'input',
});

function notBounded(param: string): Refusal {
  return refuse('unbounded_cost', {
    message: `${param} is neither text nor an image, a recording or a file of a known form, so its cost is not known before the call, and the API key has a credit limit.`,
    param,
  });
}

function withoutLimit(types: readonly string[]): Refusal {
  return refuse('unbounded_cost', {
    message: `The provider runs these tools and charges for each use: ${types.join(', ')}. The API key has a credit limit, so set max_tool_calls to the most uses, or leave the tools out.`,
    param: 'max_tool_calls',
  });
}
