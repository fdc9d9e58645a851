import { randomUUIDv7 } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { peerAddress, type ClientAddress } from '@tollgate/http';
import type { AdmissionDecision } from '@tollgate/credit';
import { plainPath } from '../../plain-path.js';
import type { JournaledRequest } from '../../journal/journaled-request.js';
import type { OpenRequest } from '../open-requests/open-request.js';
import type { CachedKey } from '../identify-key/cached-key.js';
import type { Held, KeyCharge } from '../identify-key/key-charge.js';
import type { PassedHeaders } from '../../providers/caller-headers.js';
import type { Provider } from '../../providers/provider.js';
import { NOTHING_INJECTED, type FieldNames, type Injected } from '../../providers/injected-fields.js';
import type { UsedSoFar } from '../forward/call.js';
import type { ReportInVain } from '../forward/reports-in-vain.js';
import type { Ask, Speech } from '../../dialects/ask.js';
import type { Translation } from '../../dialects/across/translation.js';
import type { ErrorShape } from '../../dialects/dialect.js';
import type { Refusal } from './refusal.js';
import type { Route, Target } from '../choose-route/route-table.js';

const NOTHING_CHOSEN: Held = {};

type Admitted = Extract<AdmissionDecision, { kind: 'admitted' }>;

/**
 * Why the gateway ends a provider's call: the key leaked, or ended before the call was sent (`revoked`); it is unknown
 * whether the key has ended, so the call waits for an answer (`key_in_doubt`); a time-out of the provider has passed;
 * the client left some time ago; a stream has used up its hold; an event or a reply is too large; a stream contains our
 * credential in pieces.
 */
export type AbortReason =
  'revoked' | 'key_in_doubt' | 'timed_out' | 'client_left' | 'hold_used_up' | 'oversized' | 'credential_repeated';

/** The handle by which others act on a running call to a provider. */
export interface RunningCall {
  /** Ends the call at once. */
  abort(why: AbortReason): void;
  /** Tells the call that its client has left, so that the reply need not be written. */
  clientLeft(): void;
  /** Output tokens, counted from the part of a stream that the client was sent before it left. */
  deliveredTokens(): number;
  /** What is charged if the call breaks off now; null before its answer has begun. */
  usedSoFar(): UsedSoFar | null;
  /** Tells the client that its stream is alive if it has been silent for long. `now` is in monotonic ms. */
  keepAlive(now: number): void;
}

/**
 * One request on its way through the path. Each step fills in what later steps read. The type that a step takes
 * (`Identified`, `Received`, `Routed`, `Journaled`) says what must be filled in already. All are views of the same
 * object, and the list of steps is checked against them.
 */
export class Exchange {
  /**
   * Our id of the request. It is sent to the provider and to the client as `x-request-id`, and names the hold, the
   * journal records and the usage event.
   */
  readonly requestId = randomUUIDv7();
  readonly startedAtMs = Date.now();
  /**
   * Times of the request in monotonic milliseconds; 0 until they are reached. `firstByteAt` is the head of a plain
   * reply, or the first data of a stream.
   */
  readonly arrivedAt = performance.now();
  calledAt = 0;
  firstByteAt = 0;
  answeredAt = 0;
  readonly clientAddress: string;
  /** False where a trusted proxy does not tell the client's address: `clientAddress` is the proxy's then. */
  readonly addressIsKnown: boolean;
  /** The index in the list of `InFlight`; -1 before. */
  place = -1;

  /**
   * Whether the caller is told usage and cost in each answer, as OpenRouter's clients are: its path is below `/api/v1`.
   */
  readonly isToldCost: boolean;
  /** The error format for the client. */
  readonly errors: ErrorShape;

  /** Set by readCredential: the secret as the caller sent it. */
  credential = '';
  /** Set by identifyKey: the key of the secret. */
  key: CachedKey | null = null;
  /**
   * When key-management was asked about the key for this request because no changes of keys were received, in monotonic
   * milliseconds.
   */
  keyVerifiedAt = -Infinity;
  /** Set once the key has ended: the refusal of the request. No provider is called after that. */
  keyEnd: Refusal | null = null;
  /** Ends the wait for the body, once `keyEnd` is set; null if the body is not waited for. */
  onKeyEnd: (() => void) | null = null;
  /** Set by OpenRequests: the request in its key's count, with the room for its body. */
  openRequest: OpenRequest | null = null;
  /** Set by receiveBody: the bytes that have arrived, or that were declared if they are too many. */
  bodyBytes = 0;
  /** Set by receiveBody: the content of the request. */
  ask: Ask | null = null;
  /** Set by chooseRoute. Later steps remove targets that cannot be called. */
  route: Route | null = null;
  targets: readonly Target[] = [];
  /** Set by speak: translations for targets that do not speak the caller's dialect; null if all of them speak it. */
  translations: ReadonlyMap<Target, Translation> | null = null;
  /** Set by passHeaders: what each provider is sent of the caller's headers; null if none of them is for a provider. */
  callerHeaders: Map<Provider, PassedHeaders> | null = null;
  /** Set by ownIds: how the targets of the caller's own dialect are spoken to; null if all are by the `Ask` itself. */
  bound: ReadonlyMap<Target, Speech> | null = null;
  /** Set by admit: what the request is charged to. */
  charge: KeyCharge | null = null;
  /** Set by admit: what admission chose of that for this request. */
  held: Held = NOTHING_CHOSEN;
  /**
   * Set by admit: the hold, null without one; and the ceiling of output tokens to inject, null if the caller's stays.
   */
  holdNanoUsd: bigint | null = null;
  injectedMaxTokens: number | null = null;
  /**
   * Set by admit if no ceiling is named: the answer's length then decides how many tokens per minute the next such
   * request takes.
   */
  openEnded = false;
  rate: Admitted['rate'] | null = null;
  admitted = false;
  /**
   * Set by journalIntent: the event's JSON as far as it is known, and the request's entry in the journal. Once the
   * intent is written, exactly one final must follow.
   */
  eventHead = '';
  journaled: JournaledRequest | null = null;
  /** Set by settle and release: no final and no settlement is due any more. */
  settled = false;
  /** Set by settle: what the customer is charged, in nano-USD. */
  chargeNanoUsd = 0n;
  /** The delivered output tokens that the journal's last progress record has; -1 before the first one. */
  journaledOutputTokens = -1;
  /** The call to a provider, while it is running. */
  providerCall: RunningCall | null = null;
  /**
   * When the call of the present provider began, and when it must have ended or delivered its first data; monotonic
   * milliseconds.
   */
  callStartedAt = 0;
  callEndsAt = Infinity;
  /** The fields that the present provider was sent and the caller did not write. */
  injected: Injected = NOTHING_INJECTED;
  /** Other names of injected fields that the present provider is tried with; null for the usual names. */
  fieldNames: FieldNames | null = null;
  /** True if the present provider refused our ceiling because it is larger than the model's own. */
  ceilingLeftOut = false;
  /** True if the client left during a call to its provider. */
  clientLeft = false;
  /** What providers reported as used by attempts that gave the client no answer; null for nothing. */
  reportsInVain: ReportInVain[] | null = null;
  /** Called once the request is settled. */
  onSettled: (() => void)[] | null = null;
  /** The provider whose answer contained our credential for it; null if none did. */
  credentialRepeatedBy: Target | null = null;

  constructor(
    readonly request: IncomingMessage,
    readonly reply: ServerResponse,
    errors: ErrorShape,
    client?: ClientAddress,
  ) {
    this.clientAddress = client?.address ?? peerAddress(request.socket.remoteAddress);
    this.addressIsKnown = client?.isKnown ?? true;
    this.isToldCost = isBelowApi(request.url ?? '');
    this.errors = this.isToldCost ? (errors.belowApi ?? errors) : errors;
  }
}

const BELOW_API = /^\/api\/v1(?:\/|$)/;

/** Whether a target is below `/api/v1`, however it is spelt. Nearly all are below `/v1`, and one look tells. */
function isBelowApi(target: string): boolean {
  return !target.startsWith('/v1/') && BELOW_API.test(plainPath(target));
}

/** An exchange whose key is known. */
export type Identified = Exchange & { readonly key: CachedKey };
/** An exchange whose body is read. */
export type Received = Identified & { readonly ask: Ask };
/** An exchange with a route and at least one target. */
export type Routed = Received & { readonly route: Route; readonly targets: Targets };
/** An exchange whose intent is in the journal: a provider may be called, and exactly one final must follow. */
export type Journaled = Routed & { readonly journaled: JournaledRequest };

/** At least one target. */
type Targets = readonly [Target, ...Target[]];

/** Narrows an exchange to one whose key is known. */
export function isIdentified(exchange: Exchange): exchange is Identified {
  return exchange.key !== null;
}

/** Narrows an exchange to one whose body is read. */
export function isReceived(exchange: Exchange): exchange is Received {
  return isIdentified(exchange) && exchange.ask !== null;
}

/** Narrows an exchange to one with a route and at least one target. */
export function isRouted(exchange: Exchange): exchange is Routed {
  return isReceived(exchange) && exchange.route !== null && exchange.targets.length > 0;
}

/** Narrows an exchange to one whose intent is in the journal. */
export function isJournaled(exchange: Exchange): exchange is Journaled {
  return isRouted(exchange) && exchange.journaled !== null;
}

/** What a request is charged to: as it was admitted or, before that, as its key and its route are now. */
export function chargeOfExchange({ charge, key, route }: Routed): KeyCharge {
  return charge ?? key.charges.on(route);
}

/** How the request is put to a target: in the caller's own dialect, or translated. */
export function speechTo({ ask, bound, translations }: Received, target: Target): Speech {
  return translations?.get(target) ?? bound?.get(target) ?? ask;
}

/** Keeps only these targets. Returns false if there are none, so that the request must be refused. */
export function keepTargets(exchange: Exchange, targets: readonly Target[]): boolean {
  exchange.targets = targets;
  return targets.length > 0;
}
