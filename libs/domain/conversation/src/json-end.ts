/**
 * Watches a text that comes in pieces, and knows when it is a whole JSON object. A stream of chat does not say when the
 * input of a call is complete; its last brace does.
 */
export class JsonEnd {
  private state: 'before' | 'inside' | 'whole' | 'other' = 'before';
  private depth = 0;
  private inString = false;
  private escaped = false;
  private hasFields = false;

  /** Whether the text so far is one whole object. */
  get isWhole(): boolean {
    return this.state === 'whole';
  }

  /** Whether nothing but spaces has come so far. */
  get isBlank(): boolean {
    return this.state === 'before';
  }

  /** Whether nothing has come so far but spaces, or an object without fields, which may not be whole. */
  get isEmpty(): boolean {
    return this.state !== 'other' && !this.hasFields;
  }

  take(piece: string): void {
    for (const char of piece) {
      if (this.state === 'before') this.begin(char);
      else if (this.state !== 'inside') return;
      else if (this.inString) this.goOnInString(char);
      else this.goOn(char);
    }
  }

  private begin(char: string): void {
    if (char === '{') {
      this.state = 'inside';
      this.depth = 1;
    } else if (char.trim() !== '') {
      this.state = 'other';
    }
  }

  private goOn(char: string): void {
    if (char === '"') this.inString = this.hasFields = true;
    else if (char === '{' || char === '[') this.depth++;
    else if ((char === '}' || char === ']') && --this.depth === 0) this.state = 'whole';
  }

  private goOnInString(char: string): void {
    if (this.escaped) this.escaped = false;
    else if (char === '\\') this.escaped = true;
    else if (char === '"') this.inString = false;
  }
}
