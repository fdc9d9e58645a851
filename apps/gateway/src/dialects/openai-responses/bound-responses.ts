import type { PartsPattern } from '../../providers/credential-mask.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { QUOTE } from '../../json-scan/json-tokens.js';
import type { BoundSpeech, Speech, UpstreamCall } from '../ask.js';
import type { PlainReply, StreamReader, ToldError } from '../answer.js';
import type { Operation } from '../dialect-name.js';
import { withoutItems, type Splice } from '../openai/splice.js';
import { errorForClient } from './provider-errors.js';
import type { ResponseIds } from './response-ids.js';
import { readReply } from './read-reply.js';
import type { ResponsesAsk } from './responses-ask.js';
import { IdSeal } from './id-seal.js';
import { ResponseEvents } from './stream-events.js';
import { upstreamBody } from './upstream-body.js';

/** Marks of the origin of encrypted content are at the beginning of the text. */
const MARK_BYTES_MAX = 64;

/** A Responses request for one target: with the target's own ids and encrypted content. Its answers get sealed ids. */
export class BoundResponses implements Speech {
  readonly operation: Operation;
  readonly replyBytesMax: number;
  readonly #seal: IdSeal;

  private constructor(
    private readonly ask: ResponsesAsk,
    ids: ResponseIds,
    private readonly splices: readonly Splice[],
    private readonly itemsLeftOut: readonly string[],
    previous: { readonly id: string; readonly sealed: string } | null,
  ) {
    this.operation = ask.operation;
    this.replyBytesMax = ask.replyBytesMax;
    this.#seal = new IdSeal(ids, previous);
  }

  /**
   * Binds a request to a target. `openedId` is the provider's own id of the response that the request goes on from.
   * Null if the input contains something that it cannot do without and that this target cannot read.
   */
  static of(ask: ResponsesAsk, ids: ResponseIds, openedId: string | null): BoundSpeech | null {
    const { fields, previousId } = ask.head;
    const splices: Splice[] = [];
    const removed = [];
    let isMaker = false;
    for (const { value, item, canBeLeftOut } of fields.sealed) {
      const { from, markLength } = ids.originOf(textFrom(ask.body, value.start, value.end));
      if (from === 'here') {
        isMaker = true;
        splices.push({ start: value.start + 1, end: value.start + 1 + markLength, text: '' });
      } else if (from === 'elsewhere') {
        if (!canBeLeftOut) return null;
        removed.push(item);
      }
    }
    splices.push(...withoutItems(ask.body, removed));
    if (openedId !== null && fields.previousResponseId !== null)
      splices.push({ ...fields.previousResponseId, text: JSON.stringify(openedId) });
    const previous = openedId === null || previousId === null ? null : { id: openedId, sealed: previousId };
    const leftOut = removed.length === 0 ? [] : ['reasoning.encrypted_content'];
    return { isMaker, speech: new BoundResponses(ask, ids, splices, leftOut, previous) };
  }

  leftOut(target: Target): readonly string[] {
    return [...this.ask.leftOut(target), ...this.itemsLeftOut];
  }

  bodyFor(target: Target, call: UpstreamCall): Buffer {
    return upstreamBody(this.ask, target, call, this.splices);
  }

  readReply(body: Buffer, text: string | null): PlainReply {
    return readReply(body, text, this.#seal);
  }

  readStream(credential: PartsPattern | null): StreamReader {
    return new ResponseEvents(credential, this.#seal);
  }

  errorFor(status: number, body: Buffer): ToldError | null {
    const told = errorForClient(body, this.#seal);
    return told === null ? null : { status, contentType: 'application/json', body: told };
  }
}

/** The first bytes of a text in JSON, which has no escape in a mark. */
function textFrom(body: Buffer, start: number, end: number): string {
  const from = body[start] === QUOTE ? start + 1 : start;
  return body.toString('latin1', from, Math.min(end, from + MARK_BYTES_MAX));
}
