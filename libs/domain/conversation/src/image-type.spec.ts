import { describe, expect, it } from 'vitest';
import { imageTypeOf, readDataUrl } from './image-type.js';

const base64 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('base64');

describe('the type of an image', () => {
  it.each([
    ['image/png', '\x89PNG\r\n\x1a\n and more'],
    ['image/jpeg', '\xff\xd8\xff\xe0 and more'],
    ['image/gif', 'GIF89a and more'],
    ['image/gif', 'GIF87a and more'],
    ['image/webp', 'RIFF\n\n\x00\x00WEBP and more'],
    [null, '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    [null, 'BM and more of a bitmap'],
    [null, ''],
  ])('is %s by its first bytes', (type, bytes) => expect(imageTypeOf(base64(bytes))).toBe(type));
});

describe('a data URL', () => {
  it.each([
    ['data:image/PNG;base64,AAAA', { mediaType: 'image/png', base64: 'AAAA' }],
    ['data:application/pdf;name=a.pdf;base64,JVBE', { mediaType: 'application/pdf', base64: 'JVBE' }],
    ['data:;base64,AAAA', { mediaType: '', base64: 'AAAA' }],
    ['data:text/plain,hello', null],
    ['https://example.com/a.png', null],
  ])('%j is read', (url, expected) => expect(readDataUrl(url)).toEqual(expected));
});
