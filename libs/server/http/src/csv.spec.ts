import { describe, expect, it } from 'vitest';
import { csvLine, type CsvCell } from './csv.js';

describe('a line of CSV', () => {
  it.each<[CsvCell, string]>([
    ['text', 'text'],
    ['', ''],
    [null, ''],
    [0, '0'],
    [-3, '-3'],
    [{ number: '-0.000000001' }, '-0.000000001'],
    // Formulas of spreadsheets.
    ['=SUM(A1)', "'=SUM(A1)"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@cmd', "'@cmd"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    // What divides cells and lines.
    ['a,b', '"a,b"'],
    ['a "b"', '"a ""b"""'],
    ['a\nb', '"a\nb"'],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
  ])('has %j as %j', (cell, text) => expect(csvLine(['first', cell])).toBe(`first,${text}\r\n`));
});
