import type { NameFault } from '../../json-scan/name-table.js';
import type { ValueReader } from '../request-scan/field-table.js';

/** Reads a field that is text, of any length. */
export class TextReader implements ValueReader<{ oddInstructions: boolean }> {
  #isText = true;

  name(): NameFault | null {
    return null;
  }

  open(): void {
    this.#isText = false;
  }

  scalar(): void {
    // Numbers and words count by their bytes too.
  }

  close(): void {
    // A list or an object is no text, wherever it ends.
  }

  end(fields: { oddInstructions: boolean }): boolean {
    if (!this.#isText) fields.oddInstructions = true;
    return true;
  }
}
