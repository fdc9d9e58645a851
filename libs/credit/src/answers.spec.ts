import { describe, expect, it } from 'vitest';
import { ANSWERS_KEPT, answersName, largestAnswer, MODELS_KEPT, rememberAnswer, type KeyAnswers } from './answers.js';

describe('the memory of a key’s answers', () => {
  it('knows the largest of the last 20, whatever came before', () => {
    for (const tokens of [[5], [5, 9, 1], [9, ...Array<number>(19).fill(3)], [9, ...Array<number>(20).fill(3)], [1, 2, 3, 3, 2, 1], Array.from({ length: 90 }, (_, i) => (i * 37) % 41 + 1)]) {
      const answers: KeyAnswers = new Map();
      tokens.forEach((each, i) => {
        rememberAnswer(answers, 'm', each);
        expect(largestAnswer(answers, 'm'), `after ${i + 1} of ${tokens.join()}`).toBe(Math.max(...tokens.slice(0, i + 1).slice(-ANSWERS_KEPT)));
      });
      expect(answers.get('m')!.length).toBeLessThanOrEqual(ANSWERS_KEPT);
    }
  });

  it('is of each model apart, and forgets the model that answered longest ago', () => {
    const answers: KeyAnswers = new Map();
    for (let model = 0; model < MODELS_KEPT; model++) rememberAnswer(answers, `m${model}`, 10 + model);
    rememberAnswer(answers, 'm0', 7);
    rememberAnswer(answers, 'new', 1);
    expect([largestAnswer(answers, 'm0'), largestAnswer(answers, 'm1'), largestAnswer(answers, 'm2'), largestAnswer(answers, 'new')]).toEqual([10, null, 12, 1]);
    expect(answers.size).toBe(MODELS_KEPT);
  });

  it('has short plain names, another one for each model and number of choices', () => {
    const models = ['gpt-4o', 'openai/gpt-4o:free', 'GPT-4o', 'm*2', '~m', 'm|,;=', 'ü', '🙂', '\0', '\n', ' ', '', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(200), '%7C'];
    const names = models.flatMap((model) => [answersName(model, 1), answersName(model, 2), answersName(model, 12)]);
    for (const name of names) expect(name).toMatch(/^[~\w.:/@+-][\w.:/@+*-]{0,66}$/);
    expect(new Set(names).size).toBe(names.length);
    expect(answersName('openai/gpt-4o:free', 1)).toBe('openai/gpt-4o:free');
  });
});
