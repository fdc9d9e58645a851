import { describe, expect, it } from 'vitest';
import { errorShapeAt } from './error-shapes.js';

const ABOUT = { detail: 'It is wrong.', errors: [{ path: 'limit', message: 'must be more' }], requestId: 'r' };

describe('the shape of refusals', () => {
  it.each(['/v1/api-keys', '/', '/api', '/api/v1x', '/api/v12/keys', '/api/publicity', '/API/v1/keys', '/auth'])(
    'is a problem at %s',
    (path) => {
      const { mediaType, body } = errorShapeAt(path);
      expect(mediaType).toBe('application/problem+json');
      expect(body('invalid_request', ABOUT)).toMatchObject({ code: 'invalid_request', status: 400, request_id: 'r' });
    },
  );

  it.each(['/api/v1', '/api/v1/', '/api/v1/keys', '/api/v1/auth/keys', '/api/v1/nothing/there'])(
    'is that of OpenRouter at %s',
    (path) => {
      const { mediaType, schema, body } = errorShapeAt(path);
      expect(mediaType).toBe('application/json');
      const told = body('invalid_request', ABOUT);
      expect(told).toEqual({
        error: {
          code: 400,
          message: 'It is wrong. limit must be more.',
          metadata: { error_type: 'invalid_request', code: 'invalid_request' },
        },
      });
      expect(schema.safeParse(told).success).toBe(true);
      expect(body('not_found')).toMatchObject({
        error: { code: 404, message: 'There is nothing at this path.', metadata: { error_type: 'not_found' } },
      });
    },
  );

  it.each(['/api/public', '/api/public/projects', '/api/public/otel/v1/traces'])(
    'is that of Langfuse at %s',
    (path) => {
      const { schema, body } = errorShapeAt(path);
      const told = body('invalid_credential', {});
      expect(told).toEqual({ message: 'The credential is not valid.' });
      expect(schema.safeParse(told).success).toBe(true);
    },
  );
});
