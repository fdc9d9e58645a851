/** Resolves after the event loop has handled what was already waiting. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
