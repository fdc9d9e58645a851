import { describe, expect, it } from 'vitest';
import { baseImage, imagesOfDockerfile, versionOf } from './base-images.js';

describe('the images of a Dockerfile', () => {
  it.each([
    ['FROM node:26.10.0-bookworm-slim\n', ['node:26.10.0-bookworm-slim']],
    ['FROM node:26 AS build\nFROM build AS next\nFROM node:26\n', ['node:26']],
    ['FROM --platform=$BUILDPLATFORM node:26 AS build\nfrom scratch\n', ['node:26']],
    ['# FROM redis:7\nRUN echo FROM redis:7\nFROM node:26\n', ['node:26']],
    ['FROM node:26 AS Build\nFROM BUILD\n', ['node:26']],
    ['ARG X=1\n', []],
  ])('are those that no stage of its own has the name of: %j', (text, images) => {
    expect(imagesOfDockerfile(text)).toEqual(images);
  });
});

describe('a base image', () => {
  it.each([
    ['postgres:17.12-bookworm', 'postgres', '17.12-bookworm'],
    ['docker.io/library/redis:7.4.9', 'redis', '7.4.9'],
    ['apache/kafka:4.3.0', 'kafka', '4.3.0'],
    ['docker.io/axllent/mailpit:v1.27.11', 'mailpit', 'v1.27.11'],
    ['haproxy', 'haproxy', 'latest'],
    ['haproxy:lts', 'haproxy', 'lts'],
  ])('says by its repository what can stand in for it: %s', (reference, standIn, tag) => {
    expect(baseImage(reference)).toEqual({ reference, standIn, tag });
  });

  it('is named without its digest, which no stand-in has', () => {
    expect(baseImage(`redis:7.4.9@sha256:${'a'.repeat(64)}`).reference).toBe('redis:7.4.9');
  });

  it.each(['mysql:8', 'example.org/redis:7', 'Redis:7', 'constructor:1', ''])('is refused by name: %j', (reference) => {
    expect(() => baseImage(reference)).toThrow(`nothing can stand in for ${reference}`);
  });
});

describe('the version of a tag', () => {
  it('is its first three numbers', () => {
    expect(versionOf(baseImage('node:26.10.0-bookworm-slim'))).toBe('26.10.0');
    expect(versionOf(baseImage('axllent/mailpit:v1.27.11'))).toBe('1.27.11');
  });

  it.each(['node:26', 'node', 'node:lts'])('is missing where the tag has none: %s', (reference) => {
    expect(() => versionOf(baseImage(reference))).toThrow('names no version of three numbers');
  });
});
