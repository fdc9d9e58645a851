import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const io = ['@nestjs/*', 'typeorm', 'typeorm/*', 'pg', 'ioredis', 'kafkajs', 'kafkajs/*', 'fastify', 'undici', 'pino', 'nodemailer', 'node:fs', 'node:fs/*', 'node:net', 'node:http'];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '**/*.mts', '**/*.mjs', '.data/**', '.cache/**'] },
  ...tseslint.configs.recommended,
  {
    plugins: { '@nx': nx },
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@nx/enforce-module-boundaries': ['error', {
        enforceBuildableLibDependency: true,
        allow: [],
        depConstraints: [
          { sourceTag: 'type:domain', onlyDependOnLibsWithTags: ['type:domain'], bannedExternalImports: io },
          { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:domain', 'type:adapter'] },
          { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:domain', 'type:adapter'] },
          { sourceTag: 'type:test-server', onlyDependOnLibsWithTags: ['type:domain'] },
          { sourceTag: 'type:composition', onlyDependOnLibsWithTags: ['type:domain', 'type:adapter', 'type:app', 'type:test-server'] },
          { sourceTag: 'type:test', onlyDependOnLibsWithTags: ['*'] },
        ],
      }],
    },
  },
);
