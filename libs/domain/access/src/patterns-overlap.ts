/**
 * Whether some name matches both of two patterns, in which `*` stands for any characters. The time is linear in the
 * product of their lengths.
 *
 * @example
 * patternsOverlap('gpt-*', '*-mini'); // true: gpt-4o-mini
 */
export function patternsOverlap(one: string, other: string): boolean {
  // fits[j]: whether some text matches both what is before `i` of the one and what is before `j` of the other.
  let before: boolean[] = [];
  for (let i = 0; i <= one.length; i++) {
    const fits: boolean[] = [];
    for (let j = 0; j <= other.length; j++) {
      const [a, b] = [one[i - 1], other[j - 1]];
      if (i === 0 && j === 0) fits.push(true);
      // The asterisk takes one character more of the other pattern, or none.
      else if (a === '*' || b === '*') fits.push(before[j] === true || fits[j - 1] === true);
      else fits.push(a === b && before[j - 1] === true);
    }
    before = fits;
  }
  return before[other.length] === true;
}
