export { costBound, costOf, TOKENIZERS, type ModelPrice, type Tokenizer } from './price.js';
