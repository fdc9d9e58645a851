import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { imagesOfDockerfile } from '../bases/base-images.js';
import { output, run } from '../program.js';

/** The part of `docker image inspect` that is looked at. */
export interface Image {
  readonly Id: string;
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly Healthcheck?: { readonly Test: readonly string[] };
    readonly ExposedPorts?: Readonly<Record<string, object>>;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
}

export async function inspectImage(env: NodeJS.ProcessEnv, name: string): Promise<Image> {
  return (JSON.parse(await output('docker', ['image', 'inspect', name], { env })) as Image[])[0]!;
}

/**
 * The images of others that a checkout's Dockerfile and compose file name, those of the Dockerfile first. Variables are
 * left as they stand: none names an image, and a release may insist on some.
 */
export async function baseImagesOf(env: NodeJS.ProcessEnv, checkout: string): Promise<string[]> {
  const bases = imagesOfDockerfile(readFileSync(join(checkout, 'deploy/docker/Dockerfile'), 'utf8'));
  const config = ['--project-directory', checkout, '--file', join(checkout, 'docker-compose.yml'), 'config'];
  const named = await output('docker', ['compose', ...config, '--no-interpolate', '--format', 'json'], { env });
  const { services } = JSON.parse(named) as { services: Readonly<Record<string, { image?: string }>> };
  const images = Object.values(services).flatMap(({ image }) => image ?? []);
  return [...new Set([...bases, ...images.filter((name) => !name.startsWith('tollgate'))])];
}

export interface BuildOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly context: string;
  readonly tag: string;
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
}

/** Builds the image as README says, with the engine's way to the package registries. Gives the seconds it took. */
export async function buildImage({ env, context, tag, target, args = {} }: BuildOptions): Promise<number> {
  const start = performance.now();
  const settings = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  await output(
    'docker',
    [
      ...['build', '--network', 'host', '--file', 'deploy/docker/Dockerfile', '--tag', tag],
      ...(target === undefined ? [] : ['--target', target]),
      ...[...settings, '.'],
    ],
    { env: { ...env, DOCKER_BUILDKIT: '1' }, cwd: context, timeoutMs: 2_400_000 },
  );
  return Math.round((performance.now() - start) / 1000);
}

/** Runs a shell script in an image, whatever the image would start. */
export function inImage(env: NodeJS.ProcessEnv, image: string, script: string): Promise<string> {
  return output('docker', ['run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', script], { env });
}

/** The bytes of each layer as a registry stores it, by its digest of the unpacked layer. */
export async function layerBytes(env: NodeJS.ProcessEnv, image: string): Promise<Map<string, number>> {
  const folder = join(tempFolder('tollgate-image'), 'saved');
  mkdirSync(folder, { recursive: true });
  try {
    const save = `docker save '${image}' | tar -x -C '${folder}'`;
    await output('sh', ['-c', save], { env, timeoutMs: 300_000 });
    const [{ Layers }] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as [{ Layers: string[] }];
    const { RootFS } = await inspectImage(env, image);
    const found = new Map<string, number>();
    for (const [at, layer] of Layers.entries()) {
      const { stdout } = await run('sh', ['-c', `gzip -c '${join(folder, layer)}' | wc -c`]);
      found.set(RootFS.Layers[at]!, Number(stdout.trim()));
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
