import type { Target } from '../../request-path/choose-route/route-table.js';
import type { IdOwner } from '../ask.js';

const PREFIX = 'resp_';
/** Marks begin with this, so that they are told from the provider's own text. */
const MARK = 'tg1.';
const MARKED = /^tg1\.([A-Za-z0-9_-]{16})\./;

/** Seals what one target gives to one organisation: ids of responses, and the origin of encrypted content. */
export class ResponseIds {
  readonly #response: readonly string[];
  readonly #maker: readonly string[];
  readonly #account: readonly string[];

  constructor(
    { provider, model }: Pick<Target, 'model'> & { readonly provider: { readonly name: string } },
    private readonly owner: IdOwner,
  ) {
    this.#response = ['response', owner.organizationId, provider.name, model];
    this.#account = ['encrypted content', owner.organizationId, provider.name];
    this.#maker = ['encrypted content', owner.organizationId, provider.name, model];
  }

  /** The id for the client. */
  seal(id: string): string {
    return PREFIX + this.owner.sealedIds.seal(id, this.#response);
  }

  /** The provider's id; null if the text is no id that this target gave to this organisation. */
  open(text: string): string | null {
    return text.startsWith(PREFIX) ? this.owner.sealedIds.open(text.slice(PREFIX.length), this.#response) : null;
  }

  /**
   * The text to put before encrypted content. Where the route has other targets it names this one, else the
   * organisation and the provider alone, whose other models can read it too.
   */
  get mark(): string {
    const { hasOthers, sealedIds } = this.owner;
    return `${MARK}${sealedIds.mark(hasOthers ? this.#maker : this.#account)}.`;
  }

  /** Where marked content comes from: this target, another one, or nobody knows because it has no mark. */
  originOf(content: string): { readonly from: 'here' | 'elsewhere' | 'unknown'; readonly markLength: number } {
    const mark = MARKED.exec(content);
    if (mark === null) return { from: 'unknown', markLength: 0 };
    const isOurs = [this.#maker, this.#account].some((who) => this.owner.sealedIds.isMark(mark[1] ?? '', who));
    return { from: isOurs ? 'here' : 'elsewhere', markLength: mark[0].length };
  }
}
