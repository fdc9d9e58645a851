import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { tellMeasured } from '../measured.js';

const messages = [{ role: 'user', content: 'hi' }];
/** Top-level fields as JSON text, which another reader could take for another request: refused for every key. */
const ambiguous = [
  '"MODEL":"w-dear"',
  '"Max_Tokens":90000',
  '"MAX_COMPLETION_TOKENS":90000',
  '"N":100',
  '"Stream":true',
  '"\\u006dodel":"w-dear"',
  '"max_tokens":5',
  '"max_to\\u212Aens":90000',
  '"me\\u017f\\u017fages":[]',
  '"model\\u0000":"w-dear"',
  '" model":"w-dear"',
  '"\ufeffmodel":"w-dear"',
  '"max_tokens\\u0000":null',
  '"mod\u00e9l":"w-dear"',
  '"max_tokens\\ud800":90000',
];
/** Fields that lead elsewhere: refused for every key. */
const elsewhere = [
  '"models":["w-dear"]',
  '"fallbacks":["w-dear"]',
  '"api_base":"http://127.0.0.1:1"',
  '"base_url":"http://127.0.0.1:1"',
  '"api_key":"x"',
  '"provider":{"order":["x"]}',
  '"langfuse_host":"http://127.0.0.1:1"',
  '"success_callback":["x"]',
  '"s3_endpoint_url":"http://127.0.0.1:1"',
  '"x-api-key":"x"',
];
/** What costs more than its bytes say: refused for keys with a limit. */
const unbounded = [
  '"prediction":{"type":"content","content":"x"}',
  '"plugins":[{"id":"web"}]',
  '"web_search_options":{}',
  '"service_tier":"priority"',
  '"modalities":["audio"]',
  '"tools":[{"type":"web_search"}]',
  '"enable_search":true',
  '"options":{"num_predict":90000}',
  '"chat_template_kwargs":{"chat_template":"{% for i in range(9999) %}a{% endfor %}"}',
  '"chat_template_args":{"documents":["x"]}',
];
const parts = ['IMAGE_URL', 'audio_url', 'image_embeds', 'video', 'document', 'media', 'inline_data', 'pdf'];

/** No provider reads another request than the gateway did. */
export function twoReadings(stageOf: () => AttackStage): void {
  it('a body that can be read in two ways, or leads elsewhere, is refused before a provider sees it', async () => {
    const { shape, provider } = stageOf();
    const play = provider.play('w-read', []);
    const [capped, free] = [await shape.client().createKey({ credit_limit_usd: 1 }), await shape.client().createKey()];
    const send = async (secret: string, more: string, content: unknown = messages) => {
      const body = Buffer.from(
        `{"model":"w-read","max_tokens":5,${more}${more === '' ? '' : ','}"messages":${JSON.stringify(content)}}`,
      );
      const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
      const reply = await shape.client().call({ method: 'POST', path: '/v1/chat/completions', headers, body });
      return reply.status;
    };
    for (const field of [...ambiguous, ...elsewhere]) {
      for (const key of [capped, free]) expect([field, await send(key.secret, field)]).toEqual([field, 400]);
    }
    for (const field of unbounded) expect([field, await send(capped.secret, field)]).toEqual([field, 400]);
    for (const kind of parts) {
      const part = { type: kind, [kind]: { url: 'https://host/x' } };
      for (const content of [[part], part, [[part]]]) {
        expect([kind, await send(capped.secret, '', [{ role: 'user', content }])]).toEqual([kind, 400]);
      }
    }
    const image = { type: 'image_url', image_url: { url: 'https://host/x' } };
    for (const content of [image, [[image]]])
      expect(await send(capped.secret, '', [{ role: 'user', content }])).toBe(400);
    // An image has a bound, which is more than this key has left at the price of this model.
    expect(await send(capped.secret, '', [{ role: 'user', content: [image] }])).toBe(402);
    expect(play.requests).toEqual([]);
    tellMeasured(`${shape.name}: bodies with two readings`, {
      refused: 2 * (ambiguous.length + elsewhere.length) + unbounded.length + 3 * (parts.length + 1),
    });
  });
}
