import type { Conversation } from '../conversation.js';
import type { Fault, JsonObject, WriteContext, WrittenRequest } from '../dialect-codec.js';
import { isFault } from '../fault.js';
import {
  ANTHROPIC_CALL_IDS,
  ANTHROPIC_TOOL_NAMES,
  ANTHROPIC_USERS,
  callIds,
  fittingId,
  toolNamesOf,
} from '../names.js';
import { orderTurns } from '../turn-order.js';
import { claudeModel, type ClaudeModel } from './models.js';
import {
  forcedToolFault,
  harmlessSettings,
  missingSetting,
  writeOutputConfig,
  writeSampling,
  writeServiceTier,
  writeStop,
} from './write-settings.js';
import { writeThinking } from './write-thinking.js';
import { writeTools } from './write-tools.js';
import { writeTurns } from './write-turns.js';

/** Writes a request for Claude: platform.claude.com/docs/en/api/messages, of any version since 2023-06-01. */
export function writeRequest(conversation: Conversation, context: WriteContext): WrittenRequest | Fault {
  const missing = missingSetting(conversation, context);
  if (missing !== null) return missing;
  const model = claudeModel(context.model);
  const names = toolNamesOf(conversation, ANTHROPIC_TOOL_NAMES);
  const turns = orderTurns(conversation.turns, context.fieldOf('turns'));
  if (isFault(turns)) return turns;
  const idOf = callIds(turns, ANTHROPIC_CALL_IDS);
  const leftOut = new Set(conversation.leftOut);
  const written = writeTurns(turns, model, {
    leftOut,
    fieldOf: (feature) => context.fieldOf(feature),
    idOf,
    nameOf: (name) => names.sent(name),
  });
  if (isFault(written)) return written;
  const tools = writeTools(conversation, names, model, context);
  if (isFault(tools)) return tools;
  const settings = writeSettings({ ...conversation, turns }, model, context, leftOut);
  if (isFault(settings)) return settings;
  for (const name of [...tools.leftOut, ...harmlessSettings(conversation, context)]) leftOut.add(name);
  const { system, messages } = written;
  return {
    kind: 'written',
    body: { model: context.model, ...settings, ...(system.length > 0 && { system }), messages, ...tools.fields },
    leftOut: [...leftOut],
    names,
  };
}

function writeSettings(
  conversation: Conversation,
  model: ClaudeModel,
  context: WriteContext,
  leftOut: Set<string>,
): JsonObject | Fault {
  const ceiling = conversation.outputTokensMax ?? context.outputTokensDefault;
  const thinking = writeThinking(conversation, model, ceiling, context, leftOut);
  if (isFault(thinking)) return thinking;
  const forced = forcedToolFault(conversation, model, thinking, context);
  if (forced !== null) return forced;
  const parts = [
    thinking.fields,
    writeSampling(conversation, model, thinking, context),
    writeStop(conversation, context),
    writeOutputConfig(conversation, thinking.effort, model, context),
    writeServiceTier(conversation, context),
  ];
  const wrong = parts.find(isFault);
  if (wrong !== undefined) return wrong;
  const { user, stream } = conversation;
  return Object.assign(
    { max_tokens: ceiling },
    ...parts,
    user === null ? {} : { metadata: { user_id: fittingId(user, ANTHROPIC_USERS) } },
    stream ? { stream } : {},
  ) as JsonObject;
}
