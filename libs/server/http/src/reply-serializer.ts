import { StandardSchemaSerializerInterceptor } from '@nestjs/common';
import { pathText } from '@tollgate/errors';
import type { z } from 'zod';

type Serialize = StandardSchemaSerializerInterceptor['serialize'];

/**
 * A reply that has been through the serializer before, and was kept since. It is sent as it is: a later release, which
 * shows one field more, must not fail on it.
 */
export class SerializedReply {
  constructor(readonly body: unknown) {}
}

/**
 * Lets out of a reply what its schema names (`@Replies`), and nothing else. Nest's own interceptor, but a list is held
 * to the schema as a whole, and the fault of a reply names fields alone: values may be secret.
 */
export class ReplySerializer extends StandardSchemaSerializerInterceptor {
  override serialize(...[reply, schema]: Parameters<Serialize>): ReturnType<Serialize> {
    if (reply instanceof SerializedReply) return reply.body as ReturnType<Serialize>;
    if (schema === undefined) return reply;
    const result = (schema as z.ZodType).safeParse(reply);
    if (result.success) return result.data as ReturnType<Serialize>;
    const paths = result.error.issues.map(({ path }) =>
      pathText(path.map((part) => (typeof part === 'symbol' ? '?' : part))),
    );
    throw new Error(`a reply is not as its schema has it, at ${paths.join(', ')}`);
  }
}
