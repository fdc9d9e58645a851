export { costBound, costOf, TOKENIZERS, type ModelPrice, type Tokenizer, type TokenUsage } from './price.js';
