import type { NameFault } from '../../json-scan/name-table.js';
import type { ValueReader } from '../request-scan/field-table.js';

/** Takes a field with an id, whatever its value and its length: all that is no id of ours gets the same answer. */
export class IdReader implements ValueReader<unknown> {
  name(): NameFault | null {
    return null;
  }

  open(): void {
    // The value is read from its span.
  }

  scalar(): void {
    // As above.
  }

  close(): void {
    // As above.
  }

  end(): boolean {
    return true;
  }
}
