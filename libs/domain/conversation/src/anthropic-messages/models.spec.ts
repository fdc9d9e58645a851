import { describe, expect, it } from 'vitest';
import { claudeModel, type ClaudeModel } from './models.js';

const TO_HIGH = ['low', 'medium', 'high'];
const TO_MAX = [...TO_HIGH, 'max'];
const ALL = [...TO_HIGH, 'xhigh', 'max'];

const KNOWN: readonly (readonly [names: readonly string[], expected: Partial<ClaudeModel>])[] = [
  [
    ['claude-3-haiku-20240307', 'claude-3-5-sonnet-latest', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
    { thinking: 'none', efforts: [], sampling: 'any', systemTurns: false, schemas: false },
  ],
  [
    ['claude-3-7-sonnet-20250219', 'claude-sonnet-4-20250514', 'claude-opus-4-0', 'claude-opus-4@20250514'],
    { thinking: 'budget', efforts: [], sampling: 'any', withoutThinking: 'unsaid', schemas: false },
  ],
  [['claude-opus-4-1-20250805'], { thinking: 'budget', efforts: [], sampling: 'temperature or top_p', schemas: false }],
  [
    ['claude-sonnet-4-5-20250929', 'claude-haiku-4-5', 'anthropic/claude-haiku-4.5'],
    { thinking: 'budget', efforts: [], sampling: 'temperature or top_p', schemas: true },
  ],
  [['claude-opus-4-5-20251101'], { thinking: 'budget', efforts: TO_HIGH, schemas: true }],
  [
    ['claude-opus-4-6', 'us.anthropic.claude-opus-4-6-v1', 'claude-sonnet-4-6'],
    { thinking: 'both', efforts: TO_MAX, sampling: 'temperature or top_p', forcedTools: 'without thinking' },
  ],
  [
    ['claude-opus-4-7', 'Anthropic/Claude-Opus-4.7'],
    { thinking: 'adaptive', efforts: ALL, sampling: 'none', withoutThinking: 'unsaid', systemTurns: false },
  ],
  [['claude-opus-4-8'], { thinking: 'adaptive', forcedTools: 'always', systemTurns: true }],
  [['claude-opus-5'], { withoutThinking: 'disabled', forcedTools: 'always', systemTurns: true }],
  [['claude-sonnet-5'], { withoutThinking: 'disabled', sampling: 'none', systemTurns: false }],
  [['claude-opus-5-5'], { withoutThinking: 'impossible', forcedTools: 'never', systemTurns: true }],
  [['claude-sonnet-5-5'], { withoutThinking: 'between_tools', forcedTools: 'never', systemTurns: true }],
  [['claude-haiku-5-5'], { thinking: 'adaptive', withoutThinking: 'disabled', systemTurns: true }],
  [['claude-fable-5'], { withoutThinking: 'impossible', forcedTools: 'always', sampling: 'none' }],
  [['claude-fable-5-1', 'claude-mythos-5-2'], { withoutThinking: 'impossible', forcedTools: 'never' }],
  [['claude-mythos-preview'], { thinking: 'adaptive', efforts: TO_MAX, systemTurns: false }],
  // Newer than the table: as the last ones that it knows.
  [['claude-opus-6', 'claude-opus-5-10'], { withoutThinking: 'impossible', forcedTools: 'never', efforts: ALL }],
  [
    ['claude-latest', 'sonnet-latest', 'opus', 'deepseek-reasoner', 'company/opus-dei', ''],
    { thinking: 'adaptive', sampling: 'any', systemTurns: false, schemas: true },
  ],
];

describe('claudeModel', () => {
  it.each(KNOWN.flatMap(([names, expected]) => names.map((name) => ({ name, expected }))))(
    'knows what $name takes',
    ({ name, expected }) => {
      expect(claudeModel(name)).toMatchObject(expected);
    },
  );
});
