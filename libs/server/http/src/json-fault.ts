import { visit } from 'jsonc-parser';

/** Where a JSON text stops being one; lines and columns count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
}

/** JSON as RFC 8259 has it. */
const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };

/**
 * Finds where `text` cannot be JSON any more; a fault within a string is told by the string's beginning. Null where no
 * place can be named: it is JSON, or nests too deep to be looked through. `JSON.parse` says so only by quoting the text
 * around it, and a body may hold a secret.
 */
export function findJsonFault(text: string): JsonFault | null {
  try {
    visit(
      text,
      {
        onError: (_code, offset) => {
          throw new FaultAt(offset);
        },
      },
      STRICT,
    );
    return null;
  } catch (error) {
    if (error instanceof FaultAt) return placeAt(text, error.offset);
    // The reader calls itself for each bracket.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Ends the reader at the first fault: it would go on, and a text may have millions. */
class FaultAt extends Error {
  constructor(readonly offset: number) {
    super('no JSON');
  }
}

/** The line and column of an offset in `text`. */
export function placeAt(text: string, offset: number): JsonFault {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
