import { describe, expect, it } from 'vitest';
import { faultsOf, parseWrkOutput } from './wrk.js';

const OUTPUT = `Running 10s test @ http://127.0.0.1:8080
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.00ms    1.00ms  12.00ms   80.00%
  1000 requests in 10.00s, 1.20MB read
  Non-2xx or 3xx responses: 4
RESULT {"requests":1000,"microseconds":10001234,"connect":0,"read":0,"write":0,"timeout":0,"status":4,"p50":2990,"p99":9120}
`;

describe('the output of wrk', () => {
  it('is read from its last line', () => {
    expect(parseWrkOutput(OUTPUT)).toEqual({
      requests: 1_000,
      microseconds: 10_001_234,
      connect: 0,
      read: 0,
      write: 0,
      timeout: 0,
      status: 4,
      p50: 2_990,
      p99: 9_120,
    });
  });
  it('is told where there is no result in it', () => {
    expect(() => parseWrkOutput('unable to connect to 127.0.0.1:1 Connection refused')).toThrow('Connection refused');
    expect(() => parseWrkOutput('RESULT {"requests":1}')).toThrow('no result');
  });
  it('has faults where an answer was not as expected', () => {
    const result = parseWrkOutput(OUTPUT);
    expect(faultsOf({ ...result, status: 0 }, false)).toEqual([]);
    expect(faultsOf({ ...result, status: 1_000 }, true)).toEqual([]);
    expect(faultsOf(result, false)).toEqual(['4 of 1000 answers had a status of 400 or more']);
    expect(faultsOf(result, true)).toEqual(['996 of 1000 answers were no refusals']);
    expect(faultsOf({ ...result, status: 0, timeout: 2 }, false)).toEqual(['2 timeout errors']);
    expect(faultsOf({ ...result, requests: 0, status: 0 }, false)).toEqual(['no answer at all']);
  });
});
