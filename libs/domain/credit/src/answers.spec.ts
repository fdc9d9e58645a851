import { describe, expect, it } from 'vitest';
import { ANSWERS_KEPT, answersName, largestAnswer, MODELS_KEPT, rememberAnswer, type KeyAnswers } from './answers.js';

describe('the memory of a key’s answers', () => {
  it('knows the largest of the last 20, whatever came before', () => {
    const threes = (count: number): readonly number[] => Array<number>(count).fill(3);
    const mixed = Array.from({ length: 90 }, (_, i) => ((i * 37) % 41) + 1);
    for (const tokens of [[5], [5, 9, 1], [9, ...threes(19)], [9, ...threes(20)], [1, 2, 3, 3, 2, 1], mixed]) {
      const answers: KeyAnswers = new Map();
      tokens.forEach((each, i) => {
        rememberAnswer(answers, 'm', each);
        const last = tokens.slice(0, i + 1).slice(-ANSWERS_KEPT);
        expect(largestAnswer(answers, 'm'), `after ${i + 1} of ${tokens.join()}`).toBe(Math.max(...last));
      });
      expect(answers.get('m')!.length).toBeLessThanOrEqual(ANSWERS_KEPT);
    }
  });

  it('is of each model apart, and forgets the model that answered longest ago', () => {
    const answers: KeyAnswers = new Map();
    for (let model = 0; model < MODELS_KEPT; model++) rememberAnswer(answers, `m${model}`, 10 + model);
    rememberAnswer(answers, 'm0', 7);
    rememberAnswer(answers, 'new', 1);
    expect(['m0', 'm1', 'm2', 'new'].map((name) => largestAnswer(answers, name))).toEqual([10, null, 12, 1]);
    expect(answers.size).toBe(MODELS_KEPT);
  });

  it('has short plain names, another one for each model and number of choices', () => {
    const odd = ['m*2', '~m', 'm|,;=', 'ü', '🙂', '\0', '\n', ' ', '', '%7C'];
    const long = [64, 65, 200].map((length) => 'x'.repeat(length));
    const models = ['gpt-4o', 'openai/gpt-4o:free', 'GPT-4o', ...odd, ...long];
    const names = models.flatMap((model) => [answersName(model, 1), answersName(model, 2), answersName(model, 12)]);
    for (const name of names) expect(name).toMatch(/^[~\w.:/@+-][\w.:/@+*-]{0,66}$/);
    expect(new Set(names).size).toBe(names.length);
    expect(answersName('openai/gpt-4o:free', 1)).toBe('openai/gpt-4o:free');
  });
});
