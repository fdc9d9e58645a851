/** The width and height of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const RIFF = 'RIFF',
  WEBP = 'WEBP',
  IHDR = 'IHDR';
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** The bytes of a PNG's header, and those of a length, a name and a checksum around the data of each chunk. */
const IHDR_BYTES = 13,
  PNG_AROUND_DATA = 12;
const JPEG_START = 0xffd8;
const MARKER = 0xff,
  FIRST_FRAME = 0xc0,
  LAST_FRAME = 0xcf;
/** Markers in the range of frames that begin no frame: tables of Huffman and of arithmetic coding, and an extension. */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);
/** Markers of segments that may stand before a frame: tables, the interval of restarts, and a comment. */
const SKIPPED: ReadonlySet<number> = new Set([0xc4, 0xcc, 0xdb, 0xdd, 0xfe]);
const JPEG_SCAN = 0xda;
/** Segments of applications, among them the one with a thumbnail. */
const FIRST_APPLICATION = 0xe0,
  LAST_APPLICATION = 0xef;
const GIF_IMAGE = 0x2c,
  GIF_EXTENSION = 0x21,
  GIF_END = 0x3b;
/** The low bits of a WebP frame's width and height; the others say how it is to be scaled. */
const WEBP_SIZE = 0x3fff;
const WEBP_ANIMATION = 0x02;

/**
 * The size that the first bytes of a PNG, JPEG, GIF or WebP file state. Null for another format, for a size of zero,
 * and for a file whose size is not certain from these bytes. Never throws.
 */
export function imageSize(head: Buffer): ImageSize | null {
  const size = sizeIn(head);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

function sizeIn(head: Buffer): ImageSize | null {
  if (head.length < 30) return null;
  if (head.compare(PNG, 0, PNG.length, 0, PNG.length) === 0) return sizeOfPng(head);
  if (head.readUInt16BE(0) === JPEG_START) return sizeOfJpeg(head);
  const name = head.toString('latin1', 0, 6);
  if (name === 'GIF87a' || name === 'GIF89a') return sizeOfGif(head);
  return name.startsWith(RIFF) && head.toString('latin1', 8, 12) === WEBP ? sizeOfWebp(head) : null;
}

/**
 * The header of a PNG must be its first chunk (PNG specification, section 5.6). Some readers take a second header
 * before the pixels for the true one, and an animation is more than one image: such files have no certain size.
 */
function sizeOfPng(head: Buffer): ImageSize | null {
  if (head.readUInt32BE(8) !== IHDR_BYTES || head.toString('latin1', 12, 16) !== IHDR) return null;
  let at = PNG.length + IHDR_BYTES + PNG_AROUND_DATA;
  while (at + 8 <= head.length) {
    const chunk = head.toString('latin1', at + 4, at + 8);
    if (chunk === 'IDAT') return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
    if (chunk === IHDR || chunk === 'acTL') return null;
    at += head.readUInt32BE(at) + PNG_AROUND_DATA;
  }
  return null;
}

/**
 * The segments of a JPEG up to its first scan, each with a length of its own (ITU-T T.81, annex B). Exactly one of them
 * must be a frame header, since readers disagree about which of two counts.
 */
function sizeOfJpeg(head: Buffer): ImageSize | null {
  let size: ImageSize | null = null;
  let at = 2;
  while (at + 9 < head.length) {
    if (head[at] !== MARKER) return null;
    const marker = head[at + 1] ?? 0;
    // A marker may be preceded by any number of fill bytes.
    if (marker === MARKER) {
      at += 1;
      continue;
    }
    if (marker === JPEG_SCAN) return size;
    const isFrame = marker >= FIRST_FRAME && marker <= LAST_FRAME && !NO_FRAMES.has(marker);
    const isSegment = SKIPPED.has(marker) || (marker >= FIRST_APPLICATION && marker <= LAST_APPLICATION);
    const length = head.readUInt16BE(at + 2);
    // Any other marker may have no length, so that what follows it is no segment to all readers.
    if (length < 2 || (isFrame ? size !== null : !isSegment)) return null;
    if (isFrame) size = { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) };
    at += 2 + length;
  }
  return null;
}

/**
 * The larger of a GIF's screen and its only image: decoders enlarge the screen if the image does not fit into it. A
 * further image may be larger, so the file must end before one begins.
 */
function sizeOfGif(head: Buffer): ImageSize | null {
  const at = afterExtensions(head, 13 + colorTableBytes(head[10] ?? 0));
  if (at + 10 > head.length || head[at] !== GIF_IMAGE) return null;
  // The image itself is a table of colours, a byte, and a list of blocks.
  const end = afterExtensions(head, afterBlocks(head, at + 11 + colorTableBytes(head[at + 9] ?? 0)));
  if (head[end] !== GIF_END) return null;
  return {
    width: Math.max(head.readUInt16LE(6), head.readUInt16LE(at + 1) + head.readUInt16LE(at + 5)),
    height: Math.max(head.readUInt16LE(8), head.readUInt16LE(at + 3) + head.readUInt16LE(at + 7)),
  };
}

function colorTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 0x07) + 1);
}

function afterExtensions(head: Buffer, from: number): number {
  let at = from;
  while (head[at] === GIF_EXTENSION) at = afterBlocks(head, at + 2);
  return at;
}

/** The end of a list of blocks, each after its length; a length of zero ends it. */
function afterBlocks(head: Buffer, from: number): number {
  let at = from;
  for (let length = head[at] ?? 0; length > 0; length = head[at] ?? 0) at += 1 + length;
  return at + 1;
}

/**
 * The size of a WebP's frame, and of the canvas in front of it if there is one (RFC 9649). Without a canvas the frame
 * is the first chunk: some readers take any other first chunk for a frame without a name.
 */
function sizeOfWebp(head: Buffer): ImageSize | null {
  let width = 0;
  let height = 0;
  for (let at = 12; at + 18 <= head.length;) {
    const chunk = head.toString('latin1', at, at + 4);
    const length = head.readUInt32LE(at + 4);
    const data = at + 8;
    if (chunk === 'VP8X') {
      if (at !== 12 || length !== 10 || ((head[data] ?? 0) & WEBP_ANIMATION) !== 0) return null;
      width = head.readUIntLE(data + 4, 3) + 1;
      height = head.readUIntLE(data + 7, 3) + 1;
    } else if (chunk === 'VP8 ' || chunk === 'VP8L') {
      const frame = chunk === 'VP8 ' ? sizeOfLossy(head, data) : sizeOfLossless(head, data);
      return frame && { width: Math.max(width, frame.width), height: Math.max(height, frame.height) };
    } else if (width === 0 || chunk === 'ANIM' || chunk === 'ANMF') return null;
    // Chunks are padded to an even length.
    at = data + length + (length % 2);
  }
  return null;
}

function sizeOfLossy(head: Buffer, data: number): ImageSize | null {
  if (head.readUIntBE(data + 3, 3) !== 0x9d012a) return null;
  return { width: head.readUInt16LE(data + 6) & WEBP_SIZE, height: head.readUInt16LE(data + 8) & WEBP_SIZE };
}

function sizeOfLossless(head: Buffer, data: number): ImageSize | null {
  if (head[data] !== 0x2f) return null;
  const bits = head.readUInt32LE(data + 1);
  return { width: (bits & WEBP_SIZE) + 1, height: ((bits >>> 14) & WEBP_SIZE) + 1 };
}
