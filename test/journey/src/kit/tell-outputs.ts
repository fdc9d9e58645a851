import type { Shape } from './shape.js';

/** Prints the last words of every process: for after a failed test, when the reader needs them. */
export function tellOutputs(shape: Pick<Shape, 'processes'>, charactersEach = 1_500): void {
  for (const process of shape.processes) {
    console.log(`--- the last of ${process.name}:\n${process.output().slice(-charactersEach) || '(nothing)'}`);
  }
}
