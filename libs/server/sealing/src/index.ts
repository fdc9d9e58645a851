export { resealColumns, tellOfUnreadableColumns, type Resealed, type SealedColumn } from './sealed-columns.js';
export { SealedIds, sealedIdsFrom } from './sealed-ids.js';
export {
  sealedUnder,
  SealError,
  SEALING,
  sealingFrom,
  sealingKeyFromPepper,
  sealingKeyOf,
  sealingWith,
  type Sealing,
  type SealingKey,
  type SealingSecrets,
} from './sealing.js';
