import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { adminSecretIn, curlLineIn, leakUrlIn } from './newcomer.js';

const output = `Tollgate is ready on http://127.0.0.1:8080
Make a key:

  curl -s http://127.0.0.1:8080/v1/api-keys \\
    -H 'Authorization: Bearer adm_x-1' \\
    -d '{"name":"first"}'

A simulator answers; a secret posted to http://127.0.0.1:36591/leak is reported as leaked.
`;

describe('what a newcomer reads', () => {
  it('has a command to paste, over all its lines', () => {
    expect(curlLineIn(output)).toBe(
      `curl -s http://127.0.0.1:8080/v1/api-keys \\\n    -H 'Authorization: Bearer adm_x-1' \\\n    -d '{"name":"first"}'`,
    );
    expect(curlLineIn('use curl to ask')).toBeUndefined();
  });

  it('has the address that leaks are posted to', () => {
    expect(leakUrlIn(output)).toBe('http://127.0.0.1:36591/leak');
  });

  it('has the file with the admin secret in it', () => {
    const file = join(tempFolder('tollgate-newcomer'), 'admin-secret');
    writeFileSync(file, 'adm_x-1\n');
    expect(adminSecretIn(`  data   /data\n  admin secret         in the file ${file}   (keep it)\n`)).toBe('adm_x-1');
    expect(adminSecretIn(output)).toBeUndefined();
  });
});
