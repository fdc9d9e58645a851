import {
  fieldOfFeature,
  parseJson,
  type Conversation,
  type ConversationDialect,
  type Fault,
  type Feature,
  type JsonObject,
  type ProviderSeal,
  type ReplyContext,
  type WriteContext,
  type WrittenRequest,
} from '@tollgate/conversation';
import type { BodyRoom } from '@tollgate/http';
import type { SealedIds } from '@tollgate/sealing';
import { takesMistralsCallIds, wantsThoughts } from '../../providers/compatible/model-families.js';
import type { FieldNames } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Routed } from '../../request-path/exchange/exchange.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { makeRoom } from '../../request-path/open-requests/open-requests.js';
import type { Dialect } from '../dialect.js';
import { countNodes } from './json-size.js';
import { callerSide, providerSides, sidesFor } from './sides.js';
import { Translation, type CallerSide, type ProviderSide } from './translation.js';

/** Translates the request for one target: null if no dialect of its provider can be reached from the caller's. */
export type Translate = (target: Target) => Translation | Refusal | null;

/**
 * Makes the translations of one request. Its body is parsed once, for the first target that needs it. What a
 * translation keeps in memory is counted in the budget for bodies, until its target is given up or the request ends.
 */
export function translator(dialect: Dialect, exchange: Routed, sealedIds: SealedIds): Translate {
  const caller = callerSide(dialect);
  let read: Read | Refusal | null = null;
  return (target) => {
    const sides = caller === null ? [] : providerSides(caller.codec.name, target);
    if (caller === null || sides.length === 0) return null;
    const room = exchange.openRequest?.openRoom() ?? null;
    const make = (): Translation | Refusal | null => {
      read ??= readRequest(caller, exchange);
      return 'kind' in read
        ? read
        : firstOf(sides, { ...read, exchange, target, caller, room, seals: sealsOf(target) });
    };
    const translation = makeRoomFor(exchange, 0, room) ?? make();
    if (translation === null || isRefusal(translation)) room?.free();
    return translation;
  };

  /** Seals what only a target can read, for the organisation that asks. */
  function sealsOf({ provider: { name }, model }: Target): Seals {
    const seals = { hasOpened: false };
    const boundTo = (kind: string, ...whom: readonly string[]): ProviderSeal => {
      const owner = (): readonly string[] => [kind, exchange.key.snapshot.organizationId, ...whom];
      return {
        seal: (text) => sealedIds.seal(text, owner()),
        open: (sealed) => {
          const text = sealedIds.open(sealed, owner());
          if (text !== null) seals.hasOpened = true;
          return text;
        },
      };
    };
    return Object.assign(seals, {
      ofProvider: boundTo('provider content', name),
      ofModel: boundTo('encrypted thought', name, model),
    });
  }
}

/** The seals of one target: for what all models of its provider can read, and for what only its model can. */
interface Seals {
  readonly ofProvider: ProviderSeal;
  readonly ofModel: ProviderSeal;
  /** Whether the request contains something that this target has sealed. */
  readonly hasOpened: boolean;
}

/** What a translation for one target is made of. */
interface Parts extends Read {
  readonly exchange: Routed;
  readonly target: Target;
  readonly caller: CallerSide;
  readonly room: BodyRoom | null;
  readonly seals: Seals;
}

/** The translation to the first of these sides that can be told what the request says, else the first refusal. */
function firstOf(sides: readonly ProviderSide[], parts: Parts): Translation | Refusal | null {
  let fault: Refusal | null = null;
  for (const provider of sidesFor(sides, parts.conversation, parts.target)) {
    const translation = translationOf(provider, parts);
    if (!isRefusal(translation)) return translation;
    fault ??= translation;
  }
  return fault;
}

/**
 * Takes room for a translation: for the texts of the body, which are kept as they were parsed, and for the bytes that
 * are written for the provider.
 */
function makeRoomFor({ ask, openRequest }: Routed, writtenBytes: number, room: BodyRoom | null): Refusal | undefined {
  const bytes = ask.body.length + writtenBytes;
  if (openRequest !== null && room !== null && !openRequest.canHave(ask.body.length + bytes)) return TOO_LARGE;
  return makeRoom({ openRequest }, bytes, room);
}

interface Read {
  readonly conversation: Conversation;
  readonly request: JsonObject;
}

/**
 * The most texts, numbers, objects and lists of a body that is carried to another dialect: reading and writing these
 * takes some 100 ms, in which no other request is served. The longest sessions of agents have a tenth of them.
 */
const NODES_MAX = 100_000;

function readRequest({ codec }: CallerSide, { ask }: Routed): Read | Refusal {
  if (countNodes(ask.body, NODES_MAX) > NODES_MAX) return TOO_MANY;
  const request = parsed(ask.body);
  if (request === null) return NOT_READABLE;
  const conversation = codec.readRequest(request);
  if ('kind' in conversation) return refusalOf(conversation);
  if (ask.omitted.length === 0) return { conversation, request };
  const leftOut = [...(conversation.leftOut ?? []), ...ask.omitted.map(({ name }) => name)];
  return { conversation: { ...conversation, leftOut }, request };
}

/** The scan has checked that the body is an object, but not each escape in its texts. */
function parsed(body: Buffer): JsonObject | null {
  try {
    return parseJson(body.toString('utf8')) as JsonObject;
  } catch {
    return null;
  }
}

const TOO_MANY = refuse('invalid_request', {
  message: `The model is behind another API, and the body has more than ${NODES_MAX} texts, numbers, objects and lists: too many to be carried there.`,
});
const TOO_LARGE = refuse('body_too_large', {
  message:
    'The model is behind another API, and the body is too large to be carried there: it and its translation take more ' +
    'memory than one API key may have.',
});
const NOT_READABLE = refuse('invalid_json', {
  message:
    'The body has a text with an escape that JSON does not know, or too many numbers that are not in their shortest form.',
});

function translationOf(
  provider: ProviderSide,
  { exchange, target, caller, conversation, request, room, seals }: Parts,
): Translation | Refusal {
  const write = (to: Conversation, names: FieldNames): WrittenRequest | Fault =>
    provider.codec.writeRequest(to, contextOf(target, names, caller.codec.name, seals));
  const written = write(conversation, target.provider.injectedFields.of(target.model));
  if (written.kind === 'fault') return refusalOf(written);
  const translation = new Translation({
    conversation,
    caller,
    provider,
    written,
    reply: replyContextOf(exchange, request),
    errors: exchange.errors,
    requestId: exchange.requestId,
    isMaker: seals.hasOpened,
    room,
    write: (to, names) => {
      const again = write(to, names);
      // The names of fields and a ceiling of ours change nothing that could be refused.
      if (again.kind === 'fault') throw new Error(`a request that was translated before is refused: ${again.message}`);
      return again;
    },
  });
  return makeRoomFor(exchange, translation.writtenBytes, room) ?? translation;
}

function contextOf(
  { model, price, provider }: Target,
  { ceilingField, streamOptions }: FieldNames,
  caller: ConversationDialect,
  { ofProvider: seal, ofModel: modelSeal }: Seals,
): WriteContext {
  return {
    model,
    outputTokensDefault: price.maxOutputTokens,
    ceilingField,
    streamOptions,
    customTools: provider.customTools,
    earlierThoughts: provider.earlierThoughts ?? wantsThoughts(model),
    mistralsCallIds: provider.mistralsCallIds ?? takesMistralsCallIds(model),
    hints: provider.hints,
    seal,
    modelSeal,
    fieldOf: (feature: Feature) => fieldOfFeature(caller, feature) ?? feature,
  };
}

function replyContextOf({ ask, requestId, startedAtMs, isToldCost }: Routed, request: JsonObject): ReplyContext {
  const options = request['stream_options'];
  return {
    model: ask.model,
    requestId: requestId.replaceAll('-', ''),
    nowSeconds: Math.floor(startedAtMs / 1_000),
    showUsage:
      isToldCost ||
      (typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true),
    request,
    inputTokensCounted: ask.inputTokensEstimate,
  };
}

const refusalOf = ({ param, message }: Fault): Refusal => refuse('invalid_request', { message, param });
