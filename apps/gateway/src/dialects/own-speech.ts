import type { PartsPattern } from '../providers/credential-mask.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { PlainReply, StreamReader, ToldError } from './answer.js';
import type { Speech, UpstreamCall } from './ask.js';
import type { Dialect } from './dialect.js';
import type { Operation } from './dialect-name.js';

const NOTHING: readonly string[] = [];

/** The `Speech` of an `Ask` to providers of its own dialect: either side is sent the bytes of the other. */
export abstract class OwnSpeech implements Speech {
  abstract readonly dialect: Dialect;

  get operation(): Operation {
    return this.dialect.operation;
  }

  get replyBytesMax(): number {
    return this.dialect.replyBytesMax;
  }

  get leftOut(): readonly string[] {
    return NOTHING;
  }

  readReply(body: Buffer, text: string | null): PlainReply {
    return this.dialect.readReply(body, text);
  }

  errorFor(): ToldError | null {
    return null;
  }

  abstract bodyFor(target: Target, call: UpstreamCall): Buffer;
  abstract readStream(credential: PartsPattern | null): StreamReader;
}
