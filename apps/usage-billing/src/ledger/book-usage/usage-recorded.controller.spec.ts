import 'reflect-metadata';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { PATTERN_METADATA } from '@nestjs/microservices/constants.js';
import { describe, expect, it } from 'vitest';
import { UsageRecordedController } from './usage-recorded.controller.js';

describe('the consumer of usage events', () => {
  it('handles every version that epochs are drained of, and no other', () => {
    const { prototype } = UsageRecordedController;
    const topics = Object.getOwnPropertyNames(prototype).flatMap(
      (name) => (Reflect.getMetadata(PATTERN_METADATA, Reflect.get(prototype, name) as object) ?? []) as string[],
    );
    expect(topics.toSorted()).toEqual([...USAGE_TOPICS].toSorted());
  });
});
