import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { BENCH_APPS, formerBuild, scriptOf } from './former-build.js';

const NODE = '26.10.0';
const nodePackage = join('node_modules', `node-${process.platform}-${process.arch}`);

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function remove(folder: string, path: string): void {
  rmSync(join(folder, path), { recursive: true });
}

/** A checkout as `npm ci` and a build leave it, as far as the bench looks. */
function checkout(): string {
  const folder = tempFolder('tollgate-former');
  for (const app of BENCH_APPS) {
    write(join(folder, 'apps', app, 'dist', 'main.js'), '');
    write(join(folder, 'apps', app, 'src', 'main.ts'), '');
  }
  write(join(folder, 'libs', 'domain', 'credit', 'package.json'), '{}');
  mkdirSync(join(folder, 'node_modules', '@tollgate'), { recursive: true });
  symlinkSync('../../libs/domain/credit', join(folder, 'node_modules', '@tollgate', 'credit'));
  symlinkSync('../../libs/renamed', join(folder, 'node_modules', '@tollgate', 'renamed'));
  write(join(folder, nodePackage, 'package.json'), JSON.stringify({ version: NODE }));
  return folder;
}

const complaint = (folder: string): string => {
  try {
    formerBuild(folder, NODE);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a former build', () => {
  it('is another checkout that was built, with whatever Node.js where it brings none', () => {
    const folder = checkout();
    expect(formerBuild(folder, NODE)).toMatchObject({ folder });
    expect(scriptOf(formerBuild(`${folder}/.`, NODE), 'gateway')).toBe(join(folder, 'apps/gateway/dist/main.js'));
    rmSync(join(folder, nodePackage), { recursive: true });
    expect(formerBuild(folder, '99.0.0')).toMatchObject({ folder });
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    ['no folder', (folder) => rmSync(folder, { recursive: true }), /there is no such folder/],
    [
      'a file',
      (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      },
      /not a folder/,
    ],
    ['something else', (folder) => remove(folder, 'apps'), /no checkout of Tollgate, for it has no apps\/gateway/],
    ['without its packages', (folder) => remove(folder, 'node_modules'), /not installed\. Run npm ci/],
    [
      'not built',
      (folder) => remove(folder, 'apps/gateway/dist'),
      /not built, for it has no apps\/gateway\/dist\/main/,
    ],
    ['half built', (folder) => remove(folder, 'apps/usage-billing/dist'), /no apps\/usage-billing\/dist\/main\.js/],
    [
      'of another Node.js',
      (folder) => write(join(folder, nodePackage, 'package.json'), '{"version":"24.9.0"}'),
      /brings Node\.js 24\.9\.0, and this bench runs on 26\.10\.0/,
    ],
  ])('is refused in one line that names the folder: %s', (_name, spoil, expected) => {
    const folder = checkout();
    spoil(folder);
    expect(complaint(folder)).toMatch(expected);
    expect(complaint(folder)).toMatch(new RegExp(`^--against ${folder}: [^\n]+$`));
  });

  it('is refused where its packages are those of another checkout, which would be measured in its place', () => {
    const [folder, other] = [checkout(), checkout()];
    rmSync(join(folder, 'node_modules'), { recursive: true });
    symlinkSync(join(other, 'node_modules'), join(folder, 'node_modules'));
    expect(complaint(folder)).toMatch(/node_modules\/@tollgate\/credit leads to another checkout/);
    rmSync(join(folder, 'node_modules'));
    cpSync(join(other, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
    expect(complaint(folder)).toBe('');
  });
});
