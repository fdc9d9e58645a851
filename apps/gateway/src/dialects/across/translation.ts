import {
  openAiWords,
  parseJson,
  writeJson,
  type CallerCodec,
  type Conversation,
  type DialectCodec,
  type ErrorKind,
  type JsonObject,
  type ReplyContext,
  type WrittenRequest,
} from '@tollgate/conversation';
import { ERRORS } from '@tollgate/errors';
import { NOTHING_INJECTED, type FieldNames, type Injected } from '../../providers/injected-fields.js';
import type { BodyRoom } from '@tollgate/http';
import type { PartsPattern } from '../../providers/credential-mask.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { PlainReply, StreamReader, ToldError } from '../answer.js';
import { NO_ANSWER } from '../answer.js';
import { TOOLS_PROMPT_TOKENS } from '../anthropic-messages/tool-kinds.js';
import type { Speech, UpstreamCall } from '../ask.js';
import type { Dialect, ErrorShape } from '../dialect.js';
import type { DialectName, Operation } from '../dialect-name.js';
import { codeOfKind, codeOfStatus, readProviderError, withoutIds } from '../provider-error.js';
import { textOfEvent, TranslatedStream } from './translated-stream.js';

/** The caller's side of a translation: a dialect of the gateway, and how it is mapped. */
export interface CallerSide {
  readonly dialect: Dialect;
  readonly codec: CallerCodec;
}

/** The provider's side of a translation. */
export interface ProviderSide {
  readonly dialect: Dialect;
  readonly codec: DialectCodec;
  /** Whether ids of answers open what the provider keeps, so that no client may see them. */
  readonly hidesIds?: boolean;
}

/** What a translation is made of. */
export interface TranslationParts {
  readonly conversation: Conversation;
  readonly caller: CallerSide;
  readonly provider: ProviderSide;
  readonly reply: ReplyContext;
  /** The format of errors for the caller. */
  readonly errors: ErrorShape;
  /** Our id of the request, for errors. */
  readonly requestId: string;
  /** Whether the request contains something that the target has sealed, so that it is asked before others. */
  readonly isMaker: boolean;
  /** The room of what it keeps in memory, in the budget for bodies; null where none is counted. */
  readonly room: BodyRoom | null;
  /** The request for the target, as `write` made it under the usual names of fields. */
  readonly written: WrittenRequest;
  /** Writes the request again under other names, or with a ceiling of the gateway's own. */
  write(conversation: Conversation, names: FieldNames): WrittenRequest;
}

/**
 * A request in another dialect than the caller's, and the answer brought back: whatever the provider's dialect says of
 * an answer, its usage and its errors counts, and the client is told it in its own.
 */
export class Translation implements Speech {
  constructor(private readonly parts: TranslationParts) {}

  get operation(): Operation {
    return this.parts.provider.dialect.operation;
  }

  get replyBytesMax(): number {
    return TRANSLATED_BYTES_MAX;
  }

  leftOut(): readonly string[] {
    return this.parts.written.leftOut;
  }

  get isMaker(): boolean {
    return this.parts.isMaker;
  }

  /**
   * A bound of the tokens of the request for the provider: its bytes, before a ceiling is put in, and what Anthropic
   * adds to a request with tools.
   */
  get inputBound(): number {
    const { conversation, provider } = this.parts;
    const ofTools = provider.dialect.name === 'anthropic-messages' && conversation.tools.length > 0;
    return this.writtenBytes + (ofTools ? TOOLS_PROMPT_TOKENS : 0);
  }

  /** The bytes of the request for the provider, before a ceiling of the gateway's is put in. */
  get writtenBytes(): number {
    return this.#usualBody().length;
  }

  #usual: Buffer | null = null;

  /** Its target is not called any more: gives back the room of what was written for it. */
  free(): void {
    this.#usual = null;
    this.parts.room?.free();
  }

  bodyFor({ model, provider, price }: Target, call: UpstreamCall): Buffer {
    const { conversation, provider: side } = this.parts;
    const names = call.fieldNames ?? provider.injectedFields.of(model);
    const isUsual = call.injectedMaxTokens === null && call.fieldNames === null && !call.ceilingLeftOut;
    const ceiling = call.ceilingLeftOut
      ? null
      : call.injectedMaxTokens === null
        ? conversation.outputTokensMax
        : Math.min(call.injectedMaxTokens, price.maxOutputTokens);
    call.injected =
      side.dialect.name === 'openai-chat'
        ? injectedInChat(names, ceiling, price.maxOutputTokens, conversation.stream)
        : NOTHING_INJECTED;
    if (isUsual) return this.#usualBody();
    // There is room for one written form.
    this.#usual = null;
    return bytesOf(this.parts.write({ ...conversation, outputTokensMax: ceiling }, names).body);
  }

  #usualBody(): Buffer {
    return (this.#usual ??= bytesOf(this.parts.written.body));
  }

  readReply(body: Buffer, text: string | null): PlainReply {
    const { caller, provider, reply, written } = this.parts;
    const judged = provider.dialect.readReply(body, text);
    if (judged.kind === 'no_answer') return judged;
    const document = parsedObject(body);
    const answer = document === null ? null : provider.codec.readReply(document, written.names);
    if (answer === null) return { kind: 'no_answer', error: NO_ANSWER, report: judged.report };
    return {
      ...judged,
      body: bytesOf(caller.codec.writeReply(provider.hidesIds === true ? { ...answer, id: '' } : answer, reply)),
    };
  }

  readStream(credential: PartsPattern | null): StreamReader {
    const { caller, provider, reply, written } = this.parts;
    const source = provider.dialect.readWholeStream(credential);
    if (source === null) throw new Error(`${provider.dialect.name} has no streams to translate`);
    return new TranslatedStream(source, provider.codec.readStream(written.names), caller.codec.writeStream(reply), {
      hidesIds: provider.hidesIds === true,
      tellsErrors: TELL_ERRORS.has(caller.dialect.name),
    });
  }

  /** Clients act on some kinds of errors, and know them by the status; all others keep the provider's. */
  errorFor(status: number, body: Buffer): ToldError {
    const { caller, conversation, errors, requestId } = this.parts;
    const read = readProviderError(status, body);
    const message = withoutIds(read.message);
    const known = codeOfKind(read.kind);
    if (read.kind === 'context_length' && conversation.stream && caller.dialect.name === 'openai-responses')
      return { status: 200, contentType: 'text/event-stream', body: this.#failedStream(read.kind, message) };
    return {
      status: known === null ? status : ERRORS[known].status,
      contentType: 'application/json',
      body: errors.body(known ?? codeOfStatus(status), message, null, requestId),
    };
  }

  /**
   * A stream that has nothing but an error. OpenAI begins a stream of Responses before it has counted the input, and
   * Codex looks nowhere else for the error after which it shortens its conversation.
   */
  #failedStream(kind: ErrorKind, message: string | null): Buffer {
    const { caller, reply } = this.parts;
    const encoder = caller.codec.writeStream(reply);
    const error = { kind, type: null, code: null, message: openAiWords(kind, message) ?? '' };
    const events = encoder.take({ type: 'error', error });
    return Buffer.from(events.map(textOfEvent).join(''));
  }
}

/**
 * The fields of a translated request that the caller did not write under these names. A ceiling of at least what the
 * model writes counts as ours, so that it is left out where the provider says that it is too large: callers of other
 * dialects must name one, whatever the model is. A lower one is never left out, since no more is held.
 */
function injectedInChat(
  { ceilingField, streamOptions }: FieldNames,
  ceiling: number | null,
  modelCeiling: number,
  stream: boolean,
): Injected {
  const written = ceiling === null || ceilingField === 'none' ? null : ceilingField;
  return {
    ceiling: written,
    ceilingTokens: written === null || ceiling === null || ceiling < modelCeiling ? null : ceiling,
    streamOptions: stream && streamOptions,
  };
}

/** Dialects in whose streams an error goes on from the events before it, or is an event of another form than plain. */
const TELL_ERRORS: ReadonlySet<DialectName> = new Set(['openai-responses', 'inference']);

/** A reply that is translated is parsed as a whole, which delays other requests by some 10 ms for each of these. */
const TRANSLATED_BYTES_MAX = 8 * 1024 * 1024;

const bytesOf = (document: JsonObject): Buffer => Buffer.from(writeJson(document));

function parsedObject(body: Buffer): JsonObject | null {
  try {
    const document = parseJson(body.toString('utf8'));
    return typeof document === 'object' && document !== null && !Array.isArray(document)
      ? (document as JsonObject)
      : null;
  } catch {
    return null;
  }
}
