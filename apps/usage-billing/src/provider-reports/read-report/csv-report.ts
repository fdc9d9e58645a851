import { decimalUsd } from './decimal-usd.js';
import { readReport, REPORT_ROWS_MAX, type ReadReport, type ReportRow } from './report-row.js';

const REQUIRED = ['date', 'model', 'cost_usd'] as const;
const OPTIONAL = ['input_tokens', 'output_tokens', 'requests'] as const;
const COLUMNS: readonly string[] = [...REQUIRED, ...OPTIONAL];
/** Years in which there can be usage, as in the usage API. */
const DAY = /^2[01]\d{2}-\d{2}-\d{2}$/;
const COUNT = /^\d{1,15}$/;

/**
 * Reads a report as CSV (RFC 4180) with the columns `date,model,cost_usd` and, if they are there, `input_tokens,
 * output_tokens, requests`, in any order. The columns of what providers' consoles export are not documented and change,
 * so a spreadsheet brings them into this form. Empty cells of counts are unknown.
 */
export function readCsvReport(text: string): ReadReport {
  const lines = csvLines(text.replace(/^\ufeff/, ''));
  if (typeof lines === 'string') return { kind: 'invalid', field: 'csv', message: lines };
  const [head, ...body] = lines;
  const columns = (head ?? []).map((name) => name.trim().toLowerCase());
  const fault = headFault(columns);
  if (fault !== null) return { kind: 'invalid', field: 'csv', message: fault };
  const rows: ReportRow[] = [];
  for (const [at, cells] of body.entries()) {
    const read = rowOf(columns, cells);
    if (typeof read === 'string') return { kind: 'invalid', field: `csv line ${at + 2}`, message: read };
    rows.push(read);
  }
  return readReport(
    rows,
    rows.map(({ day }) => day),
    'csv',
  );
}

function headFault(columns: readonly string[]): string | null {
  const missing = REQUIRED.filter((name) => !columns.includes(name));
  if (missing.length > 0) return `must have the columns ${REQUIRED.join(', ')}: ${missing.join(', ')} is missing`;
  const unknown = columns.find((name) => !COLUMNS.includes(name));
  if (unknown !== undefined) return `must have no other columns than ${COLUMNS.join(', ')}: ${shown(unknown)}`;
  const repeated = columns.find((name, at) => columns.indexOf(name) !== at);
  return repeated === undefined ? null : `must name each column once: ${repeated}`;
}

function rowOf(columns: readonly string[], cells: readonly string[]): ReportRow | string {
  if (cells.length !== columns.length) return `must have ${columns.length} cells, and has ${cells.length}`;
  const cell = (name: string): string => cells[columns.indexOf(name)]?.trim() ?? '';
  const day = cell('date');
  const isDay = DAY.test(day) && !Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day);
  if (!isDay) return `date must be a day as 2026-11-29, of the years 2000 to 2199, and is ${shown(day)}`;
  const model = cell('model');
  if (model.length > 200) return 'model must have at most 200 characters';
  const costNanoUsd = decimalUsd(cell('cost_usd'));
  if (costNanoUsd === null) return `cost_usd must be a decimal number of USD, and is ${shown(cell('cost_usd'))}`;
  const counts: (number | null)[] = [];
  for (const name of OPTIONAL) {
    const text = cell(name);
    if (text !== '' && !COUNT.test(text)) return `${name} must be a whole number, and is ${shown(text)}`;
    counts.push(text === '' ? null : Number(text));
  }
  const [inputTokens = null, outputTokens = null, requests = null] = counts;
  return { day, model: model === '' ? null : model, costNanoUsd, inputTokens, outputTokens, requests };
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

/** The cells of each line that is not empty; a text says why there are none. */
function csvLines(text: string): string[][] | string {
  const lines: string[][] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = (): void => {
    cells.push(cell);
    cell = '';
  };
  const endLine = (): void => {
    cells.push(cell);
    if (cells.length > 1 || cell !== '') lines.push(cells);
    [cells, cell] = [[], ''];
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') cell += text[(at += 1)]!;
      else quoted = false;
    } else if (character === '"' && cell === '') quoted = true;
    else if (character === ',') endCell();
    else if (character === '\n') endLine();
    else if (character !== '\r' || text[at + 1] !== '\n') cell += character;
    if (lines.length > REPORT_ROWS_MAX + 1) return `must have at most ${REPORT_ROWS_MAX} lines`;
  }
  if (quoted) return 'must close each quote';
  if (cells.length > 0 || cell !== '') endLine();
  if (lines.length > REPORT_ROWS_MAX + 1) return `must have at most ${REPORT_ROWS_MAX} lines`;
  return lines.length < 2 ? 'must have a line of columns and one line at least' : lines;
}
