export {
  answer,
  chunk,
  completion,
  events,
  liveEvents,
  reported,
  role,
  stop,
  usageChunk,
  words,
  wordsText,
} from './completions.js';
export type { Play } from './play.js';
export { startScriptedProvider, type ScriptedProvider } from './scripted-provider.js';
export {
  byteByByte,
  event,
  head,
  lastPart,
  openSse,
  part,
  plain,
  sse,
  streamHead,
  type HeadOptions,
  type Script,
  type Step,
} from './steps.js';
