/** The width and height of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const RIFF = 'RIFF',
  WEBP = 'WEBP',
  IHDR = 'IHDR';
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const JPEG_START = 0xffd8;
const MARKER = 0xff,
  FIRST_FRAME = 0xc0,
  LAST_FRAME = 0xcf;
/** Markers in the range of frames that begin no frame: tables of Huffman and of arithmetic coding, and an extension. */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);
const JPEG_END = 0xd9,
  JPEG_SCAN = 0xda;
const GIF_IMAGE = 0x2c,
  GIF_EXTENSION = 0x21;
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

/** The header of a PNG must be its first chunk (PNG specification, section 5.6). */
function sizeOfPng(head: Buffer): ImageSize | null {
  if (head.readUInt32BE(8) !== 13 || head.toString('latin1', 12, 16) !== IHDR) return null;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

/** The segments of a JPEG up to its frame header, each with a length of its own (ITU-T T.81, annex B). */
function sizeOfJpeg(head: Buffer): ImageSize | null {
  let at = 2;
  while (at + 9 < head.length) {
    if (head[at] !== MARKER) return null;
    const marker = head[at + 1] ?? 0;
    // A marker may be preceded by any number of fill bytes.
    if (marker === MARKER) {
      at += 1;
      continue;
    }
    if (marker >= FIRST_FRAME && marker <= LAST_FRAME && !NO_FRAMES.has(marker))
      return { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) };
    if (marker === JPEG_SCAN || marker === JPEG_END) return null;
    at += 2 + head.readUInt16BE(at + 2);
  }
  return null;
}

/** The larger of a GIF's screen and its first image: decoders enlarge the screen if the image does not fit into it. */
function sizeOfGif(head: Buffer): ImageSize | null {
  const screen = { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
  const flags = head[10] ?? 0;
  let at = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 0x07) + 1));
  while (at + 10 <= head.length && head[at] === GIF_EXTENSION) {
    at += 2;
    // An extension is a list of blocks, each after its length; a length of zero ends it.
    while (at < head.length && (head[at] ?? 0) > 0) at += 1 + (head[at] ?? 0);
    at += 1;
  }
  if (at + 10 > head.length || head[at] !== GIF_IMAGE) return null;
  return {
    width: Math.max(screen.width, head.readUInt16LE(at + 1) + head.readUInt16LE(at + 5)),
    height: Math.max(screen.height, head.readUInt16LE(at + 3) + head.readUInt16LE(at + 7)),
  };
}

/** The size of a WebP's frame, and of the canvas in front of it if there is one (RFC 9649). */
function sizeOfWebp(head: Buffer): ImageSize | null {
  let width = 0;
  let height = 0;
  for (let at = 12; at + 18 <= head.length;) {
    const chunk = head.toString('latin1', at, at + 4);
    const length = head.readUInt32LE(at + 4);
    const data = at + 8;
    if (chunk === 'VP8X') {
      if (((head[data] ?? 0) & WEBP_ANIMATION) !== 0) return null;
      width = head.readUIntLE(data + 4, 3) + 1;
      height = head.readUIntLE(data + 7, 3) + 1;
    } else if (chunk === 'VP8 ' || chunk === 'VP8L') {
      const frame = chunk === 'VP8 ' ? sizeOfLossy(head, data) : sizeOfLossless(head, data);
      return frame && { width: Math.max(width, frame.width), height: Math.max(height, frame.height) };
    }
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
