import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/**
 * The fields of OpenAI's embeddings, and those that compatible providers and relays add to it: vLLM, Infinity, text
 * embeddings inference, Jina, Voyage, Cohere, NVIDIA, Mistral.
 */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its texts and tokens bound the input.', 'input'),
  ...rows(
    'free',
    'It decides how a vector is written, or how long it is.',
    `
    encoding_format dimensions output_dimension output_dtype embedding_type embedding_types embed_dtype normalized
    normalize
    `,
  ),
  ...rows('free', 'It says what the vectors are for.', 'input_type task'),
  ...rows('free', 'It leaves out some of the input.', 'truncate truncation truncate_prompt_tokens'),
  ...rows('free', 'It decides what the model sees of each input at once; it adds none.', 'late_chunking'),
  ...rows('free', 'It names the caller or the call.', 'user metadata request_id litellm_session_id litellm_trace_id'),
  ...rows(
    'bounded',
    'The provider simulator alone reads it; to any other provider it is a name without a meaning.',
    'simulator',
  ),
  ...rows(
    'unbounded',
    'It is input besides the field that is read.',
    'prompt prompt_name prompts instruction inputs messages images documents texts multi_modal_data chat_template',
  ),
  ...rows('unbounded', 'It asks for dearer service.', 'priority service_tier'),

  ...ELSEWHERE_FIELDS,
];
