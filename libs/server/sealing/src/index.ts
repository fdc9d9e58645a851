export {
  SealError,
  SEALING,
  sealingKeyFromPepper,
  sealingKeyOf,
  sealingWith,
  type Sealing,
  type SealingKey,
} from './sealing.js';
