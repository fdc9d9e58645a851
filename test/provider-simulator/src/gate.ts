/** Holds requests back while it is closed. */
export class Gate {
  private shut = false;
  private readonly held = new Set<() => void>();

  get closed(): boolean {
    return this.shut;
  }

  /** Requests that stand at the closed gate now. */
  get waiting(): number {
    return this.held.size;
  }

  close(): void {
    this.shut = true;
  }

  /** Lets all waiting requests go on, in the order of their arrival. */
  open(): void {
    this.shut = false;
    const released = [...this.held];
    this.held.clear();
    for (const resume of released) resume();
  }

  /** Calls `resume` at the next opening; the function returned takes the request out of the queue. */
  queue(resume: () => void): () => void {
    this.held.add(resume);
    return () => void this.held.delete(resume);
  }
}
