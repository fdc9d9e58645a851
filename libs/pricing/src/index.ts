export { costBound, costOf, type ModelPrice, type TokenUsage } from './price.js';
