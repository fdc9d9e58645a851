/** What `limits.body_bytes_max` is where a file does not name it. */
export const BODY_BYTES_DEFAULT = 32 * 1_048_576;
