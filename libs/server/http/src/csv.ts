/** A cell: text is what people or other systems wrote; numbers are written as they are given. */
export type CsvCell = string | number | null | { readonly number: string };

/** Excel takes a file for UTF-8 only with it. */
export const CSV_BYTE_ORDER_MARK = '\ufeff';

/**
 * What a spreadsheet would take for a formula (OWASP, CSV injection): such a text gets a quote before it. Numbers do
 * not, since a negative one would become a text.
 */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/**
 * One line of CSV (RFC 4180), with its line end.
 *
 * @example
 * csvLine(['=SUM(A1)', 3, { number: '-0.000000001' }, null]); // "'=SUM(A1),3,-0.000000001,\r\n"
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(cellText).join()}\r\n`;
}

function cellText(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  if (typeof cell === 'object') return cell.number;
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
