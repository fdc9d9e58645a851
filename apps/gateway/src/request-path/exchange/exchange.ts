import { randomUUIDv7 } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AdmissionDecision } from '@tollgate/credit';
import type { JournaledRequest } from '../../journal/journaled-request.js';
import type { Turn } from '../calls-under-way/calls-under-way.js';
import type { CachedKey } from '../identify-key/cached-key.js';
import { NOTHING_INJECTED, type FieldNames, type Injected } from '../../providers/injected-fields.js';
import type { Ask } from '../../dialects/ask.js';
import type { ErrorShape } from '../../dialects/dialect.js';
import type { Refusal } from './refusal.js';
import type { Route, Target } from '../choose-route/route-table.js';

type Admitted = Extract<AdmissionDecision, { kind: 'admitted' }>;

/**
 * Why a call is ended before its provider ended it: the key leaked, or has ended before the call was sent; it is not
 * known any more whether the key has, so that the call waits for an answer to that; a time-out of the provider has
 * passed; the client has left and was waited for long enough; a stream has used up its hold; an event or a reply is too
 * large; a stream tells our credential in pieces.
 */
export type AbortReason =
  'revoked' | 'key_in_doubt' | 'timed_out' | 'client_left' | 'hold_used_up' | 'oversized' | 'credential_repeated';

/** What can be done to a provider's call from outside. */
export interface CallUnderWay {
  /** Ends it at once. */
  abort(why: AbortReason): void;
  /** Nobody takes the reply any more. */
  clientLeft(): void;
  /** Output tokens counted from what the client was sent of a stream, until it left. */
  deliveredTokens(): number;
}

/**
 * One request on its way through the path: each step fills in what the later ones read. What a step needs to be there
 * is said by the state that it takes (`Identified`, `Received`, `Routed`, `Journaled`): views of one and the same
 * object, which the list of steps checks.
 */
export class Exchange {
  /** Ours; goes upstream and back as `x-request-id`, and names hold, journal record, usage event. */
  readonly requestId = randomUUIDv7();
  readonly startedAtMs = Date.now();
  /**
   * Of its way through the path, in monotonic milliseconds; 0 before. `firstByteAt`: a plain reply's head, a stream's
   * first data.
   */
  readonly arrivedAt = performance.now();
  calledAt = 0;
  firstByteAt = 0;
  answeredAt = 0;
  readonly clientAddress: string;
  /** Among the requests in flight. */
  place = -1;

  /** readCredential: the secret as it came. */
  credential = '';
  /** identifyKey: whose secret it is. */
  key: CachedKey | null = null;
  /**
   * When key-management was asked about the key for this request, while no changes were heard of; monotonic
   * milliseconds.
   */
  keyVerifiedAt = -Infinity;
  /** How the request is refused since its key has ended: no provider is called any more. */
  keyEnd: Refusal | null = null;
  /** Ends the wait for the body, once `keyEnd` is set; null while there is none. */
  onKeyEnd: (() => void) | null = null;
  /** boundCalls: its place among its key's calls, and the room of its body. */
  turn: Turn | null = null;
  /** receiveBody: how many bytes have come, or were announced where they are too many. */
  bodyBytes = 0;
  /** receiveBody: what is asked for. */
  ask: Ask | null = null;
  /** chooseRoute; later steps leave out targets that cannot be called. */
  route: Route | null = null;
  targets: readonly Target[] = [];
  /** admit: the hold, null without one; ceiling of output tokens to inject, null where the caller's stands. */
  holdNanoUsd: bigint | null = null;
  injectedMaxTokens: number | null = null;
  /** admit: no ceiling is named, so the answer tells what the next such request takes of the tokens per minute. */
  openEnded = false;
  rate: Admitted['rate'] | null = null;
  admitted = false;
  /**
   * journalIntent: the text of the usage event as far as it is known, and what the journal knows: once the intent is
   * written, a final is owed.
   */
  eventHead = '';
  journaled: JournaledRequest | null = null;
  /** settle: nothing is owed any more. */
  settled = false;
  /** How many of the output tokens that were delivered the journal knows. */
  journaledOutputTokens = 0;
  /** The call of a provider, while it is under way. */
  call: CallUnderWay | null = null;
  /**
   * When the call of the present provider began, and when it is to be over or to have its first data; monotonic
   * milliseconds.
   */
  callStartedAt = 0;
  callEndsAt = Infinity;
  /** What the present provider was sent that the caller did not write. */
  injected: Injected = NOTHING_INJECTED;
  /** Names of fields of ours that the present provider is tried with, where they are others than usual. */
  fieldNames: FieldNames | null = null;
  /** The present provider refused our ceiling as larger than the model's own. */
  ceilingLeftOut = false;
  /** The client has gone while its provider was being called. */
  clientLeft = false;
  /** Called when nothing is owed any more, and the settle is on its way. */
  onSettled: (() => void)[] | null = null;
  /** The provider whose answer held our credential there. */
  credentialRepeatedBy: Target | null = null;

  constructor(
    readonly request: IncomingMessage,
    readonly reply: ServerResponse,
    /** How errors look to its client. */
    readonly errors: ErrorShape,
  ) {
    this.clientAddress = request.socket.remoteAddress ?? '';
  }
}

/** Its key is known. */
export type Identified = Exchange & { readonly key: CachedKey };
/** Its body is read. */
export type Received = Identified & { readonly ask: Ask };
/** It leads to at least one target. */
export type Routed = Received & { readonly route: Route; readonly targets: Targets };
/** Its intent is in the journal: a provider may be called, and exactly one final is owed. */
export type Journaled = Routed & { readonly journaled: JournaledRequest };

type Targets = readonly [Target, ...Target[]];

export function isIdentified(exchange: Exchange): exchange is Identified {
  return exchange.key !== null;
}

export function isReceived(exchange: Exchange): exchange is Received {
  return isIdentified(exchange) && exchange.ask !== null;
}

export function isRouted(exchange: Exchange): exchange is Routed {
  return isReceived(exchange) && exchange.route !== null && exchange.targets.length > 0;
}

export function isJournaled(exchange: Exchange): exchange is Journaled {
  return isRouted(exchange) && exchange.journaled !== null;
}

/** Goes on with some of the targets; false where none is left, and the request must be refused. */
export function keepTargets(exchange: Exchange, targets: readonly Target[]): boolean {
  exchange.targets = targets;
  return targets.length > 0;
}
