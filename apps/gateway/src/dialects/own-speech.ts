import type { PartsPattern } from '../providers/credential-mask.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { PlainReply, StreamReader, ToldError } from './answer.js';
import type { Speech, UpstreamCall } from './ask.js';
import type { Dialect } from './dialect.js';
import type { Operation } from './dialect-name.js';
import type { OmittedField } from './request-scan/field-table.js';

const NOTHING: readonly string[] = [];

/** The `Speech` of an `Ask` to providers of its own dialect: either side is sent the bytes of the other. */
export abstract class OwnSpeech implements Speech {
  abstract readonly dialect: Dialect;
  abstract readonly omitted: readonly OmittedField[];

  get operation(): Operation {
    return this.dialect.operation;
  }

  get replyBytesMax(): number {
    return this.dialect.replyBytesMax;
  }

  leftOut({ provider }: Target): readonly string[] {
    const { omitted } = this;
    return omitted.length === 0
      ? NOTHING
      : omitted.filter(({ name }) => !provider.allowFields.has(name)).map(({ name }) => name);
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
