/**
 * What callers write in `model`. The provider is a container beside the house, of which the configuration knows what
 * it would of OpenAI.
 */
export const outsideConfig = `providers:
  - name: openai
    type: openai
    base_url: http://provider:8090/v1
    credential: \${env:OPENAI_API_KEY}
    allow_private_network: true
routes:
  - name: support-bot
    targets: [{provider: openai, model: gpt-4o-mini}]
prices:
  - {provider: openai, model: gpt-4o-mini, input_usd_per_million: 0.15, output_usd_per_million: 0.60, max_output_tokens: 16384}
secret_scanning:
  github: {public_keys_url: 'http://127.0.0.1:8091/public-keys'}
mail: {from: tollgate@example.com}
`;

/**
 * Compose's form of what stands beside the house: a provider on the networks from which gateways call out, and GitHub's
 * list of keys on the loopback of secret-scanning, since addresses without TLS are believed there alone.
 */
export function outsideServices(repository: string, nodeImage: string, network: string): string {
  const program = {
    image: nodeImage,
    restart: 'no',
    init: true,
    volumes: [{ type: 'bind', source: repository, target: '/source', read_only: true }],
    working_dir: '/source',
  };
  return JSON.stringify(
    {
      services: {
        // The image is there already; `compose run` would build it again, of files that are not beside it here.
        gateway: { pull_policy: 'never' },
        'check-provider': {
          ...program,
          command: ['node', 'test/provider-simulator/dist/main.js'],
          environment: { SIMULATOR_HOST: '0.0.0.0', SIMULATOR_PORT: '8090' },
          networks: { [network]: { aliases: ['provider'] } },
        },
        'check-github': {
          ...program,
          command: ['node', 'test/containers/dist/house/github.js'],
          network_mode: 'service:secret-scanning',
        },
      },
    },
    null,
    2,
  );
}
