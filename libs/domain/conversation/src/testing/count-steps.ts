type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Methods that call a function for each element that they visit. */
const VISITING = ['every', 'filter', 'find', 'findIndex', 'findLast', 'flatMap', 'forEach', 'map', 'reduce', 'some'];
/** Methods that copy, move or compare elements by themselves. */
const MOVING = ['concat', 'flat', 'includes', 'indexOf', 'join', 'reverse', 'shift', 'slice', 'splice', 'toReversed'];

/**
 * Counts the steps that a synchronous function takes through lists, maps and sets: elements that a loop or a spread
 * visits, and those that methods of lists visit or move. The count is the same each time, as a measured time is not.
 */
export function stepsOf(run: () => void): number {
  let steps = 0;
  const restores: (() => void)[] = [];
  const patch = (prototype: object, name: string, wrap: (original: Method) => Method): void => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (descriptor === undefined) return;
    Object.defineProperty(prototype, name, { ...descriptor, value: wrap(descriptor.value as Method) });
    restores.push(() => Object.defineProperty(prototype, name, descriptor));
  };
  const counting = (original: Method): Method =>
    function (...args) {
      steps++;
      return Reflect.apply(original, this, args);
    };
  const visiting = (original: Method): Method =>
    function (visit, ...args) {
      return Reflect.apply(original, this, [counting(visit as Method), ...args]);
    };
  const moving = (original: Method): Method =>
    function (...args) {
      const { length } = this as unknown[];
      const result = Reflect.apply(original, this, args);
      steps += Array.isArray(result) ? result.length : length;
      return result;
    };
  try {
    for (const list of [[], new Map<unknown, unknown>(), new Set<unknown>()])
      patch(Object.getPrototypeOf(list[Symbol.iterator]()) as object, 'next', counting);
    for (const name of VISITING) patch(Array.prototype, name, visiting);
    for (const name of MOVING) patch(Array.prototype, name, moving);
    run();
  } finally {
    restores.forEach((restore) => restore());
  }
  return steps;
}
