import { isEmptyAt, OPEN_BRACE, OPEN_BRACKET } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, within, type NameFault } from '../../json-scan/name-table.js';
import { accountIdNamed } from '../request-scan/account-ids.js';
import type { FieldReason, ValueReader } from '../request-scan/field-table.js';
import { OpenTool } from './open-tool.js';

const MODEL = new NameTable(
  [{ name: 'model' }],
  () => true,
  () => false,
);
/** The numbers of brackets around the tools, one tool, and its values. */
const AROUND_TOOLS = 1,
  AROUND_TOOL = 2,
  AROUND_VALUE = 3;
/** Each tool among the tools of another one has this many more brackets around it. */
const DEPTH_OF_LEVEL = 2;
/** Values of a tool in which a name is one of the caller's own, or of a server that the caller describes. */
const SCHEMAS: ReadonlySet<string> = new Set([
  ...['parameters', 'format', 'input_schema', 'output_schema', 'annotations', 'name', 'description'],
]);
/** More different tools are not told apart. */
const TYPES_MAX = 32;
const TYPE = /^[a-z][a-z0-9_]*$/;

/** What `ToolsReader` found in all tools. */
export interface ToolsSeen {
  /** The types of the tools that the provider runs. */
  providerTools: readonly string[];
  /** Where a tool names something of the provider's account by its id; null if none does. */
  toolId: string | null;
}

/** Reads a list of tools during the scan of a body of Responses, to find those that the provider runs. */
export class ToolsReader implements ValueReader<ToolsSeen> {
  reason: FieldReason | null = null;
  readonly #types = new Set<string>();
  /** The tools that are open, from the one in the list to the innermost. Each is made once and used again. */
  readonly #tools: OpenTool[] = [];
  /** The place of the innermost open tool in `#tools`; -1 outside tools. */
  #level = -1;
  #index = -1;
  #isKnown = true;
  #idName: string | null = null;
  #isModel = false;
  #toolId: string | null = null;

  /** `list` is the path of the list of tools in the body. */
  constructor(private readonly list = 'tools') {}

  /** True if a tool names a model. */
  isElsewhere = false;

  /** Whether the caller runs all tools. */
  get areCallers(): boolean {
    return this.#isKnown && this.#types.size === 0;
  }

  /** Where a tool names something of the provider's account by its id; null if none does. */
  get toolId(): string | null {
    return this.#toolId;
  }

  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    this.#idName = null;
    this.#isModel = false;
    const tool = this.#tools[this.#level];
    if (this.#level < 0 || tool === undefined) return null;
    if (depth === this.#depthOfValues) {
      const fault = tool.name(bytes, start, end);
      if (fault !== null) return within(this.#toolPlace, fault);
      this.#isModel = tool.field === 'model';
    } else if (SCHEMAS.has(tool.field)) return null;
    else if (this.#isInPlace(tool, depth)) {
      const fault = tool.nameInPlace(bytes, start, end);
      if (fault !== null) return within(`${this.#toolPlace}.${tool.field}`, fault);
      this.#isModel = tool.isModelOfPlace;
    } else if (MODEL.exact(bytes, start, end) !== null) this.#isModel = true;
    else {
      const meant = MODEL.mistakenFor(bytes, start, end);
      if (typeof meant === 'string') return { kind: meant, at: start - 1 };
      this.#isModel = meant !== null;
    }
    this.#idName = accountIdNamed(bytes, start, end);
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    const isGiven = !isEmptyAt(bytes, at);
    // A container is an object that asks for a new one, or the id of one that is there.
    if (this.#idName !== null && isGiven && (this.#idName !== 'container' || !isObject)) this.#noteId();
    if (this.#isModel && isGiven) this.#namesModel();
    if (depth === AROUND_TOOLS) return this.#knownIf(bytes[at] === OPEN_BRACKET);
    const tool = this.#tools[this.#level];
    if (depth === AROUND_TOOL) {
      this.#index += 1;
      this.#knownIf(isObject);
      this.#beginTool();
    } else if (tool === undefined) return;
    else if (depth === this.#depthOfValues) tool.open(isObject);
    else if (this.#isInPlace(tool, depth)) this.#limitIf(tool.valueInPlace(bytes, at, -1), tool);
    else if (depth === this.#depthOfValues + 1 && tool.field === 'tools') {
      if (isObject) this.#beginTool();
      else tool.runsElsewhere = true;
    }
  }

  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    if (this.#idName !== null && !isNull(bytes, start)) this.#noteId();
    if (this.#isModel && !isNull(bytes, start)) this.#namesModel();
    if (depth <= AROUND_TOOL) return this.#knownIf(depth < AROUND_TOOL && isNull(bytes, start));
    const tool = this.#tools[this.#level];
    if (tool === undefined) return;
    if (depth === this.#depthOfValues) tool.scalar(bytes, start, end);
    else if (this.#isInPlace(tool, depth)) this.#limitIf(tool.valueInPlace(bytes, start, end), tool);
    else if (depth === this.#depthOfValues + 1 && tool.field === 'tools') tool.runsElsewhere = true;
  }

  close(depth: number): void {
    if (this.#level < 0 || depth !== this.#depthOfValues - 1) return;
    const tool = this.#tools[this.#level];
    this.#level -= 1;
    if (tool === undefined) return;
    const around = this.#tools[this.#level];
    if (around !== undefined) {
      if (!tool.isCallers) around.runsElsewhere = true;
      return;
    }
    const type = tool.type ?? '';
    if (!TYPE.test(type)) this.#isKnown = false;
    else if (!tool.isCallers && this.#types.size < TYPES_MAX) this.#types.add(type);
  }

  end(fields: ToolsSeen): boolean {
    fields.providerTools = [...this.#types];
    fields.toolId = this.#toolId;
    return this.#isKnown && this.reason === null;
  }

  /** The number of brackets around the values of the innermost open tool. */
  get #depthOfValues(): number {
    return AROUND_VALUE + DEPTH_OF_LEVEL * this.#level;
  }

  get #place(): string {
    return `${this.list}[${this.#index}]`;
  }

  /** The place of the innermost open tool. */
  get #toolPlace(): string {
    return `${this.#place}${'.tools[]'.repeat(this.#level)}`;
  }

  /** Whether a token of this depth is directly within the place where the innermost open tool runs. */
  #isInPlace(tool: OpenTool, depth: number): boolean {
    return depth === this.#depthOfValues + 1 && tool.isPlace;
  }

  #beginTool(): void {
    this.#level += 1;
    (this.#tools[this.#level] ??= new OpenTool()).begin();
  }

  #noteId(): void {
    const field = this.#tools[0]?.field ?? '';
    const place = field === '' || field === this.#idName ? '' : `${field}.`;
    this.#toolId ??= `${this.#place}.${place}${this.#idName}`;
    this.#idName = null;
  }

  #namesModel(): void {
    if (this.isElsewhere) return;
    this.isElsewhere = true;
    const param = `${this.#place}.model`;
    this.reason = { param, message: `${param} names a model that the request was not checked for.` };
  }

  /** Notes a container whose fee is another one than the price of its tool names. */
  #limitIf(isLarger: boolean, tool: OpenTool): void {
    if (!isLarger) return;
    const param = `${this.#toolPlace}.${tool.field}.memory_limit`;
    const message = `${param} may ask for a container that costs more than the price of the tool says. Set it to 1g, or leave it out.`;
    this.reason ??= { param, message };
  }

  #knownIf(condition: boolean): void {
    if (!condition) this.#isKnown = false;
  }
}
