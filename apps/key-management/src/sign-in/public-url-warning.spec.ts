import { expect, it } from 'vitest';
import { publicUrlWarning } from './public-url-warning.js';

it.each(['https://ai.example.com', 'http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]:8080'])(
  'nothing is wrong with %s',
  (url) => {
    expect(publicUrlWarning(url)).toBeNull();
  },
);

it.each(['http://ai.example.com', 'http://10.0.0.1:8080', 'http://localhost.evil.example', 'http://[::2]:8080'])(
  '%s is warned of, since cookies are read on the way',
  (url) => {
    expect(publicUrlWarning(url)).toContain('plain http');
  },
);
