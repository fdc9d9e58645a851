/** The stand-ins that can be made, by the repository on Docker Hub in whose place they stand. */
const standIns = {
  node: 'node',
  postgres: 'postgres',
  redis: 'redis',
  'apache/kafka': 'kafka',
  'axllent/mailpit': 'mailpit',
  haproxy: 'haproxy',
} as const satisfies Readonly<Record<string, string>>;

export type StandIn = (typeof standIns)[keyof typeof standIns];

export interface BaseImage {
  /** As the file names it, without a digest: a stand-in can have the tag, and no digest of another's. */
  readonly reference: string;
  readonly standIn: StandIn;
  /** What stands after the colon. */
  readonly tag: string;
}

/** The images that a Dockerfile begins its stages with, its own stages and `scratch` left out. */
export function imagesOfDockerfile(text: string): string[] {
  const stages = [...text.matchAll(/^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/gim)];
  const own = new Set(stages.map(([, , name]) => name?.toLowerCase()));
  return [...new Set(stages.map(([, image]) => image!).filter((image) => image !== 'scratch'))].filter(
    (image) => !own.has(image.toLowerCase()),
  );
}

/** What an image reference says; throws for one in whose place nothing can be put. */
export function baseImage(reference: string): BaseImage {
  const withoutDigest = reference.replace(/@sha256:[0-9a-f]{64}$/, '');
  const [, repository, tag] =
    /^(?:docker\.io\/(?:library\/)?)?([a-z0-9./_-]+?)(?::([\w.-]+))?$/.exec(withoutDigest) ?? [];
  if (repository === undefined || !Object.hasOwn(standIns, repository))
    throw new Error(
      `no registry can be reached, and nothing can stand in for ${reference}: known are ${Object.keys(standIns).join(', ')}`,
    );
  return {
    reference: withoutDigest,
    standIn: standIns[repository as keyof typeof standIns],
    tag: tag ?? 'latest',
  };
}

/** The version in front of a tag, as in `26.10.0-bookworm-slim`; throws where there is none of three numbers. */
export function versionOf({ tag, reference }: Pick<BaseImage, 'tag' | 'reference'>): string {
  const version = /^v?(\d+\.\d+\.\d+)/.exec(tag)?.[1];
  if (version === undefined) throw new Error(`${reference} names no version of three numbers`);
  return version;
}
