import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/**
 * The fields of OpenAI's embeddings, and those that compatible providers and relays add: vLLM, Infinity, text
 * embeddings inference, Jina, Voyage, Cohere, NVIDIA, Mistral.
 */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its texts and tokens bound the input.', 'input'),
  ...rows(
    'free',
    'It decides the format or the length of a vector.',
    `
    encoding_format dimensions output_dimension output_dtype embedding_type embedding_types embed_dtype normalized
    normalize
    `,
  ),
  ...rows('free', 'It names the purpose of the vectors.', 'input_type task'),
  ...rows('free', 'It leaves out some of the input.', 'truncate truncation truncate_prompt_tokens'),
  ...rows('free', 'It decides how much input the model reads at once; it adds none.', 'late_chunking'),
  ...rows('free', 'It names the caller or the call.', 'user metadata request_id litellm_session_id litellm_trace_id'),
  ...rows('bounded', 'Only the provider simulator reads it; other providers do not know the name.', 'simulator'),
  ...rows(
    'unbounded',
    'It is input besides the field that is read.',
    'prompt prompt_name prompts instruction inputs messages images documents texts multi_modal_data chat_template',
  ),
  ...rows('unbounded', 'It asks for a more expensive service.', 'priority service_tier'),

  ...ELSEWHERE_FIELDS,
];
