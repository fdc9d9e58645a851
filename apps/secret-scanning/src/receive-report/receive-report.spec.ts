import type { LeakedKeyOutcome } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import type { ReportedItem } from '../github/report.js';
import { findingsOf, labelsOf } from './receive-report.js';

const item = (digest: string | null, url = ''): ReportedItem => ({ digest, tokenHash: '', tokenType: 't', place: { url, source: 'commit' } });
const outcome = (digest: string, kind: LeakedKeyOutcome['outcome']): LeakedKeyOutcome => ({ digest, outcome: kind, key: null });

describe('the findings of a report', () => {
  it('are one for each secret and place, and none for what has not our form', () => {
    const findings = findingsOf('github', [item('a', 'one'), item(null, 'one'), item('a', 'one'), item('a', 'two'), item('b', 'one')]);
    expect(findings.map(({ digest, url }) => digest + url)).toEqual(['aone', 'atwo', 'bone']);
  });
});

describe('the labels of a report', () => {
  it('are one for each item, in order: true for every secret of ours, revoked before or not', () => {
    const items = ['new', 'late', 'old', 'stranger', null, 'new'].map((digest) => item(digest));
    const outcomes = [outcome('new', 'revoked'), outcome('late', 'pending'), outcome('old', 'already_revoked'), outcome('stranger', 'unknown')];
    expect(labelsOf(items, outcomes)).toEqual(['true_positive', 'true_positive', 'true_positive', 'false_positive', 'false_positive', 'true_positive']);
  });
});
