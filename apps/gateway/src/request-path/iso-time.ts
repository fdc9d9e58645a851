let lastSecond = NaN;
/** The cached text of a second, up to the point before the milliseconds. */
let lastText = '';

/** Formats milliseconds since 1970 as ISO 8601. Requests of one second share most of the text. */
export function isoTime(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(ms).toISOString().slice(0, -'000Z'.length);
  }
  const rest = ms - second * 1_000;
  return `${lastText}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}
