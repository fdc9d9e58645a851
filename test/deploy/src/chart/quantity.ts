const UNITS: Readonly<Record<string, number>> = { Mi: 1, Gi: 1_024 };

/** A quantity of memory (`512Mi`, `1Gi`) in MiB. */
export function megabytes(quantity: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(Mi|Gi)$/.exec(quantity) ?? [];
  if (number === undefined) throw new Error(`${quantity} is no quantity of memory`);
  return Number(number) * UNITS[unit!]!;
}
