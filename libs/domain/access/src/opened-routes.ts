type GroupRoutes = Readonly<Record<string, readonly string[]>>;

/** The most sets of one organisation: its keys may be in as many combinations of groups as there are keys. */
const SETS_MAX = 1_000;
const NOTHING: ReadonlySet<string> = new Set();

/**
 * The sets that were made for the groups of one organisation, by the ids of the groups: keys in the same groups share
 * one. They go when the organisation's snapshot goes.
 */
const made = new WeakMap<GroupRoutes, Map<string, ReadonlySet<string>>>();

/** The names of the routes that any of these groups has. `groupRoutes` are those of the organisation, by group. */
export function openedRoutes(
  groups: readonly string[] | undefined,
  groupRoutes: GroupRoutes | undefined,
): ReadonlySet<string> {
  if (groups === undefined || groups.length === 0 || groupRoutes === undefined) return NOTHING;
  let sets = made.get(groupRoutes);
  if (sets === undefined) made.set(groupRoutes, (sets = new Map()));
  const id = groups.join();
  let set = sets.get(id);
  if (set === undefined) {
    const routes = groups.flatMap((group) => (Object.hasOwn(groupRoutes, group) ? (groupRoutes[group] ?? []) : []));
    if (sets.size >= SETS_MAX) sets.clear();
    sets.set(id, (set = routes.length === 0 ? NOTHING : new Set(routes)));
  }
  return set;
}
