import { randomUUID } from 'node:crypto';
import { digestImported, type ImportedForm, type Peppers } from '@tollgate/api-key';
import { grantFaults, type KeyGiver } from '@tollgate/access';
import { parseBody, Problem } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';
import { newApiKey } from '../api-key/new-api-key.js';
import { keySettings } from '../create-key/key-settings.js';
import { reachOf } from '../grant-key/key-givers.js';
import { LINE_BYTES_MAX, type Line } from './import-lines.js';
import { importLine, type ImportLine } from './import-keys.request.js';

/** What is wrong with a line. It never has anything of the line's values. */
export interface LineFault {
  readonly line: number;
  /** The field; empty for the line as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A key that a line asks for, with the number of the line. */
export interface CheckedLine {
  readonly line: number;
  readonly key: ApiKey;
}

/** What all lines of an import are checked against. */
export interface LineContext {
  readonly organizationId: string;
  readonly giver: KeyGiver | null;
  readonly peppers: Peppers;
  readonly now: Date;
}

/** Checks lines by themselves and against those before them; what only the database knows comes later. */
export class LineCheck {
  /** For each secret of the import, the number of its line. */
  private readonly lines = new Map<string, number>();

  constructor(private readonly context: LineContext) {}

  /** The key that a line asks for, or what is wrong with it. */
  check({ number: line, bytes }: Line): CheckedLine | readonly LineFault[] {
    if (bytes === null) return [{ line, path: '', message: `must have at most ${LINE_BYTES_MAX} bytes` }];
    const read = readLine(bytes);
    if ('faults' in read) return read.faults.map((fault) => ({ line, ...fault }));
    const { sha256, form, ...settings } = read.value;
    const { organizationId, giver, now } = this.context;
    const asked = keySettings(settings, now);
    if (asked.kind === 'invalid') return asked.errors.map((fault) => ({ line, ...fault }));
    const secretForm = form === 'without_prefix' ? 'sha256_without_prefix' : 'sha256';
    const twice = this.lines.get(`${secretForm}:${sha256}`);
    if (twice !== undefined) return [{ line, path: 'sha256', message: `is that of line ${twice} too` }];
    this.lines.set(`${secretForm}:${sha256}`, line);
    const key = this.keyOf(asked.settings, sha256, secretForm, organizationId);
    const above = giver === null ? [] : grantFaults(giver, reachOf(key), null);
    return above.length > 0 ? above.map((fault) => ({ line, ...fault })) : { line, key };
  }

  private keyOf(
    settings: Pick<ApiKey, 'name' | 'scopes'> & Partial<ApiKey>,
    sha256: string,
    form: ImportedForm,
    organizationId: string,
  ): ApiKey {
    const { peppers, now } = this.context;
    return newApiKey(
      { ...settings, id: randomUUID(), organizationId, createdAt: now },
      {
        digests: peppers.map((pepper) => digestImported(sha256, form, pepper)),
        maskedKey: maskDigest(sha256),
        form,
      },
    );
  }
}

const SHOWN_DIGITS = 8;

/** What is shown of a secret that nobody here knows: enough of its SHA-256 for somebody who has it to find its key. */
const maskDigest = (sha256: string): string => `sha256:${sha256.slice(0, SHOWN_DIGITS)}…`;

type ReadLine =
  { readonly value: ImportLine } | { readonly faults: readonly { readonly path: string; readonly message: string }[] };

/** By the rules of every other body: no field twice, no text that cannot be stored, no unknown field. */
function readLine(bytes: Buffer): ReadLine {
  try {
    return { value: parseBody(importLine, bytes) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.errors.length > 0) return { faults: error.errors };
    return {
      faults: [{ path: '', message: MESSAGES[error.code] ?? 'must be a JSON object that gives no field twice' }],
    };
  }
}

const MESSAGES: Readonly<Partial<Record<Problem['code'], string>>> = {
  invalid_json: 'must be a JSON object in UTF-8',
};
