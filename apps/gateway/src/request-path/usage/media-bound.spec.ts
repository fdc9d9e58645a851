import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageSize } from './image-size.js';
import { inputTokensMax, mediaOf, type MediaPart } from './media-bound.js';

const price = { contextTokens: 200_000 };
const u16be = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u16le = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);
const u24le = (value: number): Buffer => Buffer.from([value & 0xff, (value >> 8) & 0xff, value >> 16]);
function u32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
function u32le(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const REST = Buffer.alloc(64, 1);
const pngChunk = (name: string, data: Buffer): Buffer =>
  Buffer.concat([u32be(data.length), latin1(name), data, u32be(0)]);

const header = (width: number, height: number): Buffer =>
  pngChunk('IHDR', Buffer.concat([u32be(width), u32be(height), Buffer.from([1, 0, 0, 0, 0])]));
/** A PNG with these chunks between its header and its pixels. */
function png(width: number, height: number, ...between: Buffer[]): Buffer {
  const start = latin1('\x89PNG\r\n\x1a\n');
  return Buffer.concat([start, header(width, height), ...between, pngChunk('IDAT', REST), REST]);
}
const segment = (marker: number, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xff, marker]), u16be(data.length + 2), data]);
const frame = (width: number, height: number, marker = 0xc2): Buffer =>
  segment(marker, Buffer.concat([Buffer.from([8]), u16be(height), u16be(width), Buffer.from([1, 1, 0x11, 0])]));
const SCAN = Buffer.concat([segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])), REST]);
const jpegOf = (...segments: Buffer[]): Buffer => Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments]);
/** A JPEG with a segment of this many bytes before its frame, as a thumbnail in EXIF is. */
const jpeg = (width: number, height: number, before = 0): Buffer =>
  jpegOf(segment(0xe1, Buffer.alloc(before, 0xff)), frame(width, height), SCAN);
/** A marker without a length, behind which one reader finds a frame of 8 by 8 pixels, and another one of 640 by 480. */
const hidden = (marker: number): Buffer =>
  jpegOf(Buffer.from([0xff, marker]), segment(0xe0, frame(640, 480)).subarray(0, 4), frame(8, 8), SCAN);
type Sides = readonly [width: number, height: number];
function gif(screen: Sides, ...images: readonly Sides[]): Buffer {
  const extension = Buffer.from([0x21, 0xf9, 4, 0, 0, 0, 0, 0]);
  const frames = images.map(([width, height]) =>
    Buffer.concat([
      extension,
      Buffer.from([0x2c, 0, 0, 0, 0]),
      u16le(width),
      u16le(height),
      Buffer.from([0, 2, 1, 9, 0]),
    ]),
  );
  const head = [latin1('GIF89a'), u16le(screen[0]), u16le(screen[1]), Buffer.from([0, 0, 0])];
  return Buffer.concat([...head, ...frames, Buffer.from([0x3b]), REST]);
}
const chunk = (name: string, data: Buffer): Buffer => Buffer.concat([latin1(name), u32le(data.length), data]);
const webp = (...chunks: Buffer[]): Buffer =>
  Buffer.concat([latin1('RIFF'), u32le(999), latin1('WEBP'), ...chunks, REST]);
const lossy = (width: number, height: number): Buffer =>
  chunk('VP8 ', Buffer.concat([Buffer.from([0, 0, 0, 0x9d, 0x01, 0x2a]), u16le(width), u16le(height)]));
const lossless = (width: number, height: number): Buffer =>
  chunk('VP8L', Buffer.concat([Buffer.from([0x2f]), u32le((width - 1) | ((height - 1) << 14)), Buffer.alloc(5)]));
const extended = (width: number, height: number, flags = 0): Buffer =>
  chunk('VP8X', Buffer.concat([Buffer.from([flags, 0, 0, 0]), u24le(width - 1), u24le(height - 1)]));

/** The bound of one image in a body, without any text. */
function imageTokens(data: string, model: string, detail: string | null = null, more: object = {}): number {
  const body = Buffer.from(data);
  const part: MediaPart = { kind: 'image', data: { start: 0, end: body.length }, detail };
  return inputTokensMax(0, [mediaOf(body, part)], model, { ...price, ...more });
}
const dataUrl = (image: Buffer): string => `data:image/png;base64,${image.toString('base64')}`;

describe('the size of an image', () => {
  it.each<[string, Buffer]>([
    ['PNG', png(640, 480)],
    ['JPEG', jpeg(640, 480)],
    ['JPEG with a thumbnail', jpeg(640, 480, 60_000)],
    [
      'JPEG with tables and fill bytes',
      jpegOf(
        segment(0xdb, REST),
        Buffer.from([0xff]),
        segment(0xfe, REST),
        frame(640, 480, 0xc0),
        segment(0xc4, REST),
        SCAN,
      ),
    ],
    ['PNG with a profile', png(640, 480, pngChunk('iCCP', REST))],
    ['GIF', gif([640, 480], [640, 480])],
    ['GIF whose image is larger than its screen', gif([1, 1], [640, 480])],
    ['GIF whose screen is larger than its image', gif([640, 480], [1, 1])],
    ['lossy WebP', webp(lossy(640, 480))],
    ['lossless WebP', webp(lossless(640, 480))],
    ['WebP with a canvas', webp(extended(640, 480), lossy(640, 480))],
    ['WebP whose frame is larger than its canvas', webp(extended(1, 1), lossless(640, 480))],
  ])('is read from the header of a %s', (_what, file) => expect(imageSize(file)).toEqual({ width: 640, height: 480 }));

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['the beginning of a PNG', png(640, 480).subarray(0, 20)],
    ['a PNG of no width', png(0, 480)],
    ['a PNG whose header is not its first chunk', Buffer.concat([png(1, 1).subarray(0, 8), chunk('tEXt', REST), REST])],
    ['a JPEG without a frame', Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xda]), REST])],
    ['a PNG with a second header', png(8, 8, header(640, 480))],
    ['an animated PNG', png(8, 8, pngChunk('acTL', u32be(2)))],
    ['a JPEG with two frames', jpegOf(frame(8, 8), frame(640, 480), SCAN)],
    [
      'a JPEG with a second frame of another kind',
      jpegOf(frame(8, 8, 0xc0), segment(0xc4, REST), frame(640, 480, 0xc1), SCAN),
    ],
    ...[0x00, 0x01, 0x02, 0xc8, 0xd0, 0xd7, 0xd8, 0xd9, 0xdc, 0xde, 0xdf, 0xf0].map<[string, Buffer]>((marker) => [
      `a JPEG with the marker ${marker.toString(16)} before its frame`,
      hidden(marker),
    ]),
    ['a JPEG that ends before its pixels', jpegOf(frame(8, 8))],
    ['an animated GIF', gif([8, 8], [8, 8], [640, 480])],
    ['a GIF without an end', gif([8, 8], [8, 8]).subarray(0, -65)],
    ['a WebP whose first chunk is not known', webp(chunk('ABCD', REST), lossy(8, 8))],
    ['a WebP with two canvases', webp(extended(8, 8), extended(640, 480), lossy(8, 8))],
    ['a WebP with an animation that it does not announce', webp(extended(8, 8), chunk('ANMF', REST), lossy(8, 8))],
    ['an animated WebP', webp(extended(8, 8, 2), chunk('ANIM', REST))],
    ['a PDF', Buffer.concat([latin1('%PDF-1.7'), REST])],
    ['random bytes', deflateSync(REST)],
  ])('is not known from %s', (_what, file) => expect(imageSize(file)).toBeNull());

  it('is a size or null for any bytes whatever', () => {
    const start = fc.constantFrom(png(1, 1), jpeg(1, 1), gif([1, 1], [1, 1]), webp(extended(1, 1)), Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.nat(40), fc.uint8Array({ maxLength: 200 }), (head, kept, bytes) => {
        const size = imageSize(Buffer.concat([head.subarray(0, kept), bytes]));
        return size === null || (size.width > 0 && size.height > 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the most tokens of an image', () => {
  it.each<[string, string, string | null, number]>([
    // github.com/vybestack/llxprt-code/issues/3477: 8 kB of PNG can cost 12,000 tokens.
    ['gpt-5.4', 'original', 'original', 12_000],
    ['gpt-5.5', 'what is not said', null, 12_000],
    ['gpt-5.2', 'high', 'high', 3_000],
    ['gpt-5.4', 'low', 'low', 308],
    ['gpt-5', 'high', 'high', 70 + 4 * 140],
    ['gpt-5.1', 'high', 'high', 70 + 4 * 140],
    ['gpt-4o', 'high', 'high', 765],
    ['gpt-4o-2024-11-20', 'low', 'low', 85],
    ['gpt-4o-mini', 'high', 'high', 2_833 + 4 * 5_667],
    ['gpt-4.1-mini', 'high', 'high', 2_489],
    ['gpt-5-nano', 'high', 'high', 3_779],
    ['o4-mini', 'high', 'high', 2_642],
    ['o3', 'high', 'high', 75 + 4 * 150],
    ['claude-opus-4-8', '', null, 4_784],
    ['claude-opus-4-7', '', null, 4_784],
    ['claude-opus-4-6', '', null, 1_600],
    ['anthropic/claude-opus-4.6', '', null, 1_600],
    ['claude-sonnet-4-20250514', '', null, 1_600],
    ['claude-3-5-haiku-20241022', '', null, 1_600],
    ['claude-sonnet-5', '', null, 4_784],
    ['gemini-3-pro', '', null, 4_386],
  ])('is what the family documents for a picture of 8000 by 8000 pixels in eight kilobytes: %s, %s', (...row) => {
    const [model, , detail, tokens] = row;
    expect(imageTokens(dataUrl(png(8_000, 8_000)), model, detail)).toBe(tokens);
  });
  it('is less for a small picture, of which the header says the size', () => {
    expect(imageTokens(dataUrl(png(280, 140)), 'claude-opus-4-8')).toBe(50);
    expect(imageTokens(png(280, 141).toString('base64'), 'claude-opus-4-6')).toBe(60);
    expect(imageTokens(dataUrl(jpeg(320, 320, 60_000)), 'gpt-5.4')).toBe(120);
    // Slashes may be escaped.
    expect(imageTokens(dataUrl(png(280, 140)).replaceAll('/', '\\/'), 'claude-opus-4-8')).toBe(50);
  });
  it.each<[string, string]>([
    ['at an address', 'https://example.com/a.png'],
    ['with a header that is cut off', dataUrl(png(28, 28)).slice(0, 40)],
    ['whose base64 has other characters', dataUrl(png(28, 28)).replace('iVBOR', 'iVB-R')],
    ['whose base64 is spelt with escapes', dataUrl(png(28, 28)).replace('iVBOR', '\\u0069VBOR')],
    ['with padding in the middle', dataUrl(png(28, 28)).replace('iVBOR', 'iVB=OR')],
  ])('is the maximum for one %s', (_what, data) => expect(imageTokens(data, 'claude-opus-4-8')).toBe(4_784));
  it.each<[string, string]>([
    ['a PDF', 'data:application/pdf;base64,JVBERi0xLjc='],
    ['a PDF whose slash is escaped', 'data:application\\/pdf;base64,JVBERi0xLjc='],
    ['a PDF whose scheme is spelt with escapes', '\\u0064ata\\u003aapplication\\/pdf\\u003bbase64\\u002cJVBERi0xLjc='],
    ['a film', 'DATA:video/mp4;base64,AAAA'],
    ['a recording', 'data:audio/wav;base64,AAAA'],
    ['data without a media type', 'data:;base64,AAAA'],
    ['something after a space', ' data:application/pdf;base64,JVBERi0xLjc='],
  ])('is the whole context for %s', (_what, data) => expect(imageTokens(data, 'claude-opus-4-8')).toBe(200_000));
  it('is what the price entry says, or the context where nobody says it', () => {
    expect(imageTokens('https://example.com/a', 'llava')).toBe(200_000);
    expect(imageTokens('https://example.com/a', 'llava', null, { imageTokensMax: 576 })).toBe(576);
    expect(imageTokens('https://example.com/a', 'gpt-4o', null, { imageTokensMax: 2_000 })).toBe(2_000);
    expect(imageTokens(dataUrl(png(28, 28)), 'claude-opus-4-8', null, { imageTokensMax: 2_000 })).toBe(1);
  });
  it('never depends on the bytes after the header', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_000 }),
        fc.integer({ min: 1, max: 9_000 }),
        fc.nat(5_000),
        (w, h, more) => {
          const small = imageTokens(dataUrl(png(w, h)), 'claude-opus-4-8');
          const large = imageTokens(dataUrl(Buffer.concat([png(w, h), Buffer.alloc(more, 7)])), 'claude-opus-4-8');
          expect(large).toBe(small);
        },
      ),
    );
  });
});

describe('the most tokens of other parts', () => {
  const audio = (file: Buffer, model = 'gpt-audio') => {
    const body = Buffer.from(file.toString('base64'));
    const part: MediaPart = { kind: 'audio', data: { start: 0, end: body.length }, detail: null };
    return inputTokensMax(0, [mediaOf(body, part)], model, price);
  };
  const wave = (samples: number, bytes = samples * 2, format = 1): Buffer =>
    Buffer.concat([
      latin1('RIFF'),
      u32le(0),
      latin1('WAVEfmt '),
      u32le(16),
      u16le(format),
      u16le(1),
      u32le(samples),
      u32le(bytes),
      u16le(2),
      u16le(16),
      latin1('data'),
      u32le(0),
      Buffer.alloc(96_000 - 44),
    ]);

  it('are the seconds of a plain wave file by its own rate', () => {
    // Two seconds at 24,000 samples of two bytes: ten tokens a second at OpenAI, 32 at Google.
    expect(audio(wave(24_000))).toBe(21);
    expect(audio(wave(24_000), 'gemini-3-flash')).toBe(65);
  });
  it('are the bytes at the lowest bit rate of MP3', () => {
    const frames = Buffer.alloc(10_000, 0);
    frames.set([0xff, 0xfb, 0x90, 0x00]);
    expect(audio(frames)).toBe(102);
    const tagged = Buffer.concat([latin1('ID3'), Buffer.from([4, 0, 0, 0, 0, 0, 0]), frames]);
    expect(audio(tagged)).toBe(102);
  });
  it.each<[string, Buffer]>([
    ['whose rates contradict each other', wave(24_000, 1)],
    ['of another coding', wave(24_000, 48_000, 85)],
    ['with a free bit rate', Buffer.concat([Buffer.from([0xff, 0xfb, 0x00, 0x00]), Buffer.alloc(100)])],
    ['in FLAC, where silence takes no bytes', Buffer.concat([latin1('fLaC'), Buffer.alloc(100)])],
    ['that is cut off', Buffer.from([0xff])],
  ])('are the whole context for a recording %s', (_what, file) => expect(audio(file)).toBe(200_000));
  it('are the whole context for a recording that is said to be another medium', () => {
    const bound = (type: string): number => {
      const body = Buffer.from(`data:${type};base64,${wave(24_000).toString('base64')}`);
      const part: MediaPart = { kind: 'audio', data: { start: 0, end: body.length }, detail: null };
      return inputTokensMax(0, [mediaOf(body, part)], 'gpt-audio', price);
    };
    expect(bound('audio/wav')).toBe(21);
    expect(bound('video/mp4')).toBe(200_000);
  });
  it('are the whole context for a PDF, whatever its size, and never more', () => {
    const pdf: MediaPart = { kind: 'anything', data: null, detail: null };
    const media = [mediaOf(Buffer.alloc(0), pdf), mediaOf(Buffer.alloc(0), pdf)];
    expect(inputTokensMax(5_000, media, 'claude-opus-4-8', price)).toBe(200_000);
  });
});
