import { familyOf, isOfFamily, mayMatchFamily, modelWords } from './model-families.js';
import { modelForms, patternForm } from './model-forms.js';
import { hasWildcard, matchesWildcard } from './wildcard.js';

/** Which keys may use a route: all, or those in a group that has the route. */
export type RouteOpenTo = 'everyone' | 'groups';

/** What decides about the models that a route closes. */
export interface ClosableRoute {
  readonly name: string;
  readonly access: RouteOpenTo;
  readonly targets: readonly { readonly provider: string; readonly model: string }[];
}

/**
 * The routes whose access closes a model of a provider; a key may reach it if its groups have any of them. Nobody may
 * where there are none. Undefined if the model is not closed.
 */
export type ClosedBy = readonly string[] | undefined;

/**
 * Makes a function that tells which closed routes a caller's own name of a model would get around, at a target whose
 * model is `*`. No form of a name opens what the access of a route closes:
 *
 * - what a route with `access: groups` names as a model of a provider is closed at that provider for each target `*`,
 *   under every form of the name that a provider may read as the same model;
 * - so are the names of such routes themselves, at every provider;
 * - so is what matches the pattern of such a route, unless a pattern that says more matches it too;
 * - so is the name of a family's newest model (`gemini-flash-latest`), if a model that is closed may be that one; if
 *   several routes close such models, nobody may reach it;
 * - a name with letters that look like others is closed, since nobody can tell what a provider makes of it, and so are
 *   the names of routers, presets and lists, behind which any model may be.
 *
 * A target that names its model is never closed by another route: the configuration itself leads there. Without any
 * closed route the result is null, and costs nothing.
 */
export function compileClosedModels(
  routes: readonly ClosableRoute[],
): ((route: ClosableRoute, provider: string, requested: string) => ClosedBy) | null {
  const closed = routes.filter(({ access }) => access === 'groups');
  if (closed.length === 0) return null;
  const names = formsOf(closed.filter(({ name }) => !hasWildcard(name)).map(({ name }) => [name, name]));
  const models = new Map<string, ReadonlyMap<string, readonly string[]>>();
  for (const provider of new Set(closed.flatMap((route) => route.targets.map((target) => target.provider))))
    models.set(
      provider,
      formsOf(
        closed.flatMap(({ name, targets }) =>
          targets.flatMap((target) =>
            target.provider === provider && target.model !== '*' ? [[target.model, name] as const] : [],
          ),
        ),
      ),
    );
  const patterns = routes
    .filter(({ name }) => hasWildcard(name))
    .map((route) => ({ route, form: patternForm(route.name) }))
    .map(({ route, form }) => ({ route, form, literals: form.replaceAll('*', '').length }))
    // Of two that say as much the closed one comes first.
    .sort((a, b) => b.literals - a.literals || Number(isOpen(a.route)) - Number(isOpen(b.route)));

  return (route, provider, requested) => {
    const { forms, hasLookAlikes, isChoice } = modelForms(requested);
    if (hasLookAlikes || isChoice) return [];
    const named = [names, models.get(provider)].flatMap((index) => forms.flatMap((form) => index?.get(form) ?? []));
    const family = familyOf(requested);
    if (family !== null) {
      const closing = new Set([...named, ...closingFamily(closed, family, { route, provider })]);
      if (closing.size > 0) return closing.size > 1 ? [] : [...closing];
    }
    if (named.length > 0) return named;
    const matched = forms.flatMap((form) => {
      const best = patterns.find((each) => matchesWildcard(each.form, form));
      return best === undefined || isOpen(best.route) || best.route === route ? [] : [best.route.name];
    });
    return matched.length > 0 ? matched : undefined;
  };
}

/** The closed routes that may serve the newest model of a family at a provider, apart from the route itself. */
function closingFamily(
  closed: readonly ClosableRoute[],
  family: ReadonlySet<string>,
  { route, provider }: { readonly route: ClosableRoute; readonly provider: string },
): readonly string[] {
  const mayServe = ({ name, targets }: ClosableRoute): boolean =>
    (hasWildcard(name) ? mayMatchFamily(family, name) : isOfFamily(family, modelWords(name))) ||
    targets.some(
      (target) => target.provider === provider && target.model !== '*' && isOfFamily(family, modelWords(target.model)),
    );
  return closed.filter((each) => each !== route && mayServe(each)).map(({ name }) => name);
}

const isOpen = ({ access }: ClosableRoute): boolean => access === 'everyone';

/** The names of closed routes by the forms of what they close. */
function formsOf(pairs: readonly (readonly [model: string, route: string])[]): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const [model, route] of pairs)
    for (const form of modelForms(model).forms) index.set(form, [...(index.get(form) ?? []), route]);
  return index;
}
