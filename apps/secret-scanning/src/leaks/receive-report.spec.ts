import type { LeakedKeyOutcome } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import type { ReportedItem } from './reported-item.js';
import { findingsOf, labelsOf } from './receive-report.js';

const item = (digests: readonly string[], url = ''): ReportedItem => ({
  digests,
  tokenHash: '',
  tokenType: 't',
  place: { url, source: 'commit' },
});
const outcome = (digest: string, kind: LeakedKeyOutcome['outcome']): LeakedKeyOutcome => ({
  digest,
  outcome: kind,
  key: null,
});

describe('the findings of a report', () => {
  it('are one for each secret and place, and none for what has not our form', () => {
    const findings = findingsOf('github', [
      item(['a'], 'one'),
      item([], 'one'),
      item(['a'], 'one'),
      item(['a', 'c'], 'two'),
      item(['b'], 'one'),
    ]);
    expect(findings.map(({ digest, url }) => digest + url)).toEqual(['aone', 'atwo', 'ctwo', 'bone']);
  });
});

describe('the labels of a report', () => {
  it('are one for each item, in order: true for every secret of ours, revoked before or not', () => {
    const items = [['new'], ['late'], ['old'], ['stranger'], [], ['stranger', 'new'], ['stranger', 'other']].map(
      (digests) => item(digests),
    );
    const outcomes = [
      outcome('new', 'revoked'),
      outcome('late', 'pending'),
      outcome('old', 'already_revoked'),
      outcome('stranger', 'unknown'),
      outcome('other', 'unknown'),
    ];
    expect(labelsOf(items, outcomes)).toEqual([
      'true_positive',
      'true_positive',
      'true_positive',
      'false_positive',
      'false_positive',
      'true_positive',
      'false_positive',
    ]);
  });
});
