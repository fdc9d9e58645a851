/**
 * SQL: the kinds of transfers that charge an account. What is posted to it is their sum: `correct` is the difference
 * where a final took the place of an orphan's event, and may be negative.
 */
export const CHARGE_KINDS = `('post', 'adjust', 'opening', 'correct')`;
