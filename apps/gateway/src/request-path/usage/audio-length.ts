/** MPEG audio has no frame with fewer bits in a second (ISO 13818-3), and no other coding has a known least number. */
const MP3_BYTES_IN_SECOND_MIN = 1_000;
const PCM = 1;

/**
 * The most seconds that a recording of `bytes` bytes can have, from the first bytes of its file: by the rate that the
 * header of an uncompressed wave file states, or by the lowest bit rate of MP3. Null for anything else, since silence
 * takes next to no bytes in other formats.
 */
export function audioSecondsMax(head: Buffer, bytes: number): number | null {
  if (head.length < 44) return null;
  if (head.toString('latin1', 0, 4) === 'RIFF') {
    const rate = bytesInSecondOfWave(head);
    return rate === null ? null : bytes / rate;
  }
  return isMp3(head) ? bytes / MP3_BYTES_IN_SECOND_MIN : null;
}

/** The rate of a wave file of plain samples whose fields agree with each other; null for any other. */
function bytesInSecondOfWave(head: Buffer): number | null {
  if (head.toString('latin1', 8, 16) !== 'WAVEfmt ' || head.readUInt16LE(20) !== PCM) return null;
  const channels = head.readUInt16LE(22);
  const samples = head.readUInt32LE(24);
  const bytes = head.readUInt32LE(28);
  const block = head.readUInt16LE(32);
  const bits = head.readUInt16LE(34);
  const agree = block === (channels * bits) / 8 && bytes === samples * block;
  return agree && bytes > 0 ? bytes : null;
}

/** Whether a file begins with a frame of MPEG audio, or with a tag and such a frame after it. */
function isMp3(head: Buffer): boolean {
  if (head.toString('latin1', 0, 3) !== 'ID3') return isFrame(head, 0);
  // The length of a tag has seven bits in each of its four bytes.
  const length = [6, 7, 8, 9].reduce((sum, at) => sum * 128 + ((head[at] ?? 0) & 0x7f), 0);
  return isFrame(head, 10 + length);
}

/** Whether a frame header with a layer, a bit rate and a sample rate is at this place. */
function isFrame(head: Buffer, at: number): boolean {
  if (at + 4 > head.length) return false;
  const [, second = 0, third = 0] = head.subarray(at, at + 3);
  return (
    head[at] === 0xff &&
    (second & 0xe0) === 0xe0 &&
    (second & 0x06) !== 0 &&
    // Neither a free bit rate, which may be lower than any other, nor an invalid one.
    third >> 4 !== 0 &&
    third >> 4 !== 15 &&
    (third & 0x0c) !== 0x0c
  );
}
