import { unreachable } from '@tollgate/errors';
import type { ToolUses } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { isEmptyAt, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, isOneOf, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import type { FieldReason, ValueReader } from '../request-scan/field-table.js';
import {
  ADVISOR,
  DIRECT_TOOLS,
  LIMITED_TOOLS,
  TOOL_PROMPT_TOKENS,
  TOOLS_OF_CALLER,
  TOOLS_PROMPT_TOKENS,
  USES_MAX,
} from './tool-kinds.js';

interface ToolField {
  readonly name: string;
  readonly holds: 'kind' | 'uses' | 'callers' | 'text' | 'model';
}

const FIELDS: readonly ToolField[] = [
  { name: 'type', holds: 'kind' },
  { name: 'max_uses', holds: 'uses' },
  { name: 'model', holds: 'model' },
  { name: 'allowed_callers', holds: 'callers' },
  ...[
    'name',
    'description',
    'input_schema',
    'input_examples',
    'cache_control',
    'strict',
    'eager_input_streaming',
    'defer_loading',
    'allowed_domains',
    'blocked_domains',
    'user_location',
    'citations',
    'max_content_tokens',
    'max_characters',
    'display_width_px',
    'display_height_px',
    'display_number',
    'enable_zoom',
    'use_cache',
    'response_inclusion',
  ].map((name) => ({ name, holds: 'text' as const })),
];
const NAMES = new NameTable<ToolField>(
  FIELDS,
  () => true,
  () => false,
);
/** The numbers of brackets around a tool, and around its values. */
const AROUND_TOOL = 2,
  AROUND_VALUE = 3;
const KIND_BYTES_MAX = 64;
/** The caller of a tool that is called by the model itself. */
const DIRECT = [Buffer.from('"direct"')];

/** What `ToolsReader` found in the tools. */
export interface ToolsSeen {
  /** The tokens of texts that the provider adds to the tools of the request. */
  toolPromptTokens: number;
  /** The tools of the provider, with the most calls of each. */
  providerTools: readonly ToolUses[];
  /** The bytes of the definitions of tools. */
  toolBytes: number;
}

/** Reads the tools of a body during the scan, to find what the provider runs, and how often. */
export class ToolsReader implements ValueReader<ToolsSeen> {
  reason: FieldReason | null = null;
  isElsewhere = false;
  #index = -1;
  #kind: string | null = null;
  #uses: number | null = null;
  /** Who may call the tool: the model alone, or others as well; null if the tool does not say it. */
  #callers: 'direct' | 'others' | null = null;
  #isKnown = true;
  #promptTokens = 0;
  readonly #names = new ObjectNames(NAMES);
  readonly #tools: ToolUses[] = [];
  #start = 0;
  #bytes = 0;

  /** `place` is the path of the one tool that is read, where it stands in no list. */
  constructor(private readonly place: string | null = null) {}

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (depth !== AROUND_VALUE) return null;
    const fault = this.#names.take(bytes, start, end);
    return fault && within(this.#place, fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    if (depth === AROUND_TOOL - 1) {
      this.#start = at;
      if (bytes[at] !== OPEN_BRACKET) this.#unbounded('tools', 'is no list of tools.');
    } else if (depth === AROUND_TOOL) {
      this.#index += 1;
      if (this.place !== null) this.#start = at;
      this.#names.begin();
      this.#kind = null;
      this.#uses = null;
      this.#callers = null;
      this.#isKnown = bytes[at] === OPEN_BRACE;
    } else if (depth === AROUND_VALUE) {
      const holds = this.#names.field?.holds;
      if (holds === 'model') this.#namesModel();
      if (holds === 'callers') this.#callers = isEmptyAt(bytes, at) ? 'others' : 'direct';
      else if (holds !== 'text') this.#isKnown = false;
    }
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    if (depth === AROUND_TOOL) this.#unbounded(`tools[${++this.#index}]`, 'is no tool.');
    else if (depth === AROUND_TOOL - 1 && !isNull(bytes, start)) this.#unbounded('tools', 'is no list of tools.');
    if (depth > AROUND_VALUE && this.#names.field?.holds === 'callers' && !isOneOf(DIRECT, bytes, start, end))
      this.#callers = 'others';
    if (depth !== AROUND_VALUE) return;
    const isEmpty = isNull(bytes, start);
    const holds = this.#names.field?.holds;
    switch (holds) {
      case 'kind':
        if (bytes[start] !== QUOTE || end - start > KIND_BYTES_MAX) this.#isKnown &&= isEmpty;
        else this.#kind = textAt(bytes, start, end);
        return;
      case 'uses': {
        const uses = isEmpty ? null : valueAt(bytes, { start, end });
        this.#uses = typeof uses === 'number' && Number.isInteger(uses) && uses >= 0 && uses <= USES_MAX ? uses : null;
        return;
      }
      case 'model':
        if (!isEmpty) this.#namesModel();
        return;
      case 'callers':
        this.#callers = isEmpty ? null : 'others';
        return;
      case 'text':
        return;
      case undefined:
        this.#isKnown &&= isEmpty;
        return;
      default:
        return unreachable(holds);
    }
  }

  /** Takes a closing bracket; `depth` is the number of brackets that are still open. */
  close(depth: number, end: number): void {
    if (depth === AROUND_TOOL) this.#endTool(this.#place);
    this.#bytes = end - this.#start;
  }

  get #place(): string {
    return this.place ?? `tools[${this.#index}]`;
  }

  #endTool(place: string): void {
    this.#promptTokens = Math.max(this.#promptTokens, TOOLS_PROMPT_TOKENS);
    const kind = this.#kind;
    if (kind !== null && ADVISOR.test(kind)) this.#namesModel();
    if (!this.#isKnown) return this.#unbounded(place, 'has a form or a field that is not known.');
    if (kind === null || kind === 'custom') return;
    if (TOOLS_OF_CALLER.test(kind)) {
      this.#promptTokens += TOOL_PROMPT_TOKENS;
      return;
    }
    if (!LIMITED_TOOLS.test(kind))
      return this.#unbounded(place, 'may be run by the provider as often as the model likes. Leave it out.');
    this.#promptTokens += TOOL_PROMPT_TOKENS;
    const isDirect = this.#callers === 'direct' || (this.#callers === null && DIRECT_TOOLS.test(kind));
    if (!isDirect)
      this.#unbounded(
        `${place}.allowed_callers`,
        'must be ["direct"]: code that the model writes may call the tool in as many passes as it likes.',
      );
    else if (this.#uses !== null) this.#tools.push({ names: [toolOfType(kind)], callsMax: this.#uses });
    else this.#unbounded(`${place}.max_uses`, `must be a whole number up to ${USES_MAX}: each use is charged.`);
  }

  #namesModel(): void {
    if (this.isElsewhere) return;
    this.isElsewhere = true;
    const param = `${this.#place}.model`;
    this.reason = { param, message: `${param} names a model that the request was not checked for.` };
  }

  #unbounded(param: string, why: string): void {
    this.reason ??= { param, message: `${param} ${why}` };
  }

  end(fields: ToolsSeen): boolean {
    fields.toolPromptTokens += this.#promptTokens;
    fields.toolBytes += this.#bytes;
    if (this.#tools.length > 0) fields.providerTools = [...fields.providerTools, ...this.#tools];
    return this.reason === null;
  }
}

/** The text of a value with its escapes read, since providers read them too; null if they are invalid. */
function textAt(bytes: Buffer, start: number, end: number): string | null {
  const text = valueAt(bytes, { start, end });
  return typeof text === 'string' ? text : null;
}
