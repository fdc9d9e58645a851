import type { Tokenizer } from '@tollgate/pricing';

/** Models of OpenAI and their tokenizers, as tiktoken's `model.py` lists them. */
const TOKENIZERS: readonly (readonly [pattern: RegExp, tokenizer: Tokenizer])[] = [
  [/^(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|chatgpt-4o|o1|o3|o4-mini)(?:-|$)/, 'o200k_base'],
  [/^gpt-oss-/, 'o200k_harmony'],
  [
    /^(?:gpt-4|gpt-3\.5-turbo|text-embedding-3-small|text-embedding-3-large|text-embedding-ada-002)(?:-|$)/,
    'cl100k_base',
  ],
];

/** The tokenizer of a model, if it is publicly known; null where bytes have to bound the tokens. */
export function tokenizerOf(source: string, model: string): Tokenizer | null {
  if (source !== 'openai' && source !== 'azure') return null;
  return TOKENIZERS.find(([pattern]) => pattern.test(model))?.[1] ?? null;
}
