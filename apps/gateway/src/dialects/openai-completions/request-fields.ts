import { REQUEST_FIELDS as CHAT_FIELDS } from '../openai-chat/request-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/** Fields of completions that chat does not have, or has in another meaning. */
const OWN_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its bytes and tokens bound the input; each of its texts is answered.', 'prompt'),
  ...rows('read', 'It decides how the answer is read.', 'stream stream_options'),
  ...rows('read', 'It is the ceiling of the output.', 'max_tokens'),
  ...rows('read', 'It multiplies the output.', 'n best_of'),
  ...rows('read', 'It decides how the answer is counted.', 'echo'),
  ...rows('bounded', 'It is text of the input.', 'suffix'),
  ...rows('unbounded', 'It is input besides the field that is read.', 'messages prompt_embeds'),
  ...rows('unbounded', 'It is a separate budget of tokens, beside the ceiling of the output.', 'max_completion_tokens'),
];
const OWN_NAMES: ReadonlySet<string> = new Set(OWN_FIELDS.map(({ name }) => name));

/** The fields of OpenAI's completions, and those that compatible providers and relays add to them and to chat. */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...OWN_FIELDS,
  ...CHAT_FIELDS.filter(({ name }) => !OWN_NAMES.has(name)),
];
