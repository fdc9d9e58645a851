/** A column has the name of its field in snake case: `costNanoUsd` becomes `cost_nano_usd`. */
export function columnName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
