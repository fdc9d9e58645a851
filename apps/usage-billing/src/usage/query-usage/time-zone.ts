/** `Europe/Berlin`, `UTC`, `Etc/GMT+3`, `America/Argentina/Buenos_Aires`. */
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/;

/**
 * Whether a text is the name of a time zone in the IANA database, in any case. Offsets such as `+03:00` and POSIX forms
 * such as `UTC+3` are not: a database may read the latter as three hours to the west.
 */
export function isTimeZone(text: string): boolean {
  if (!NAME.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
