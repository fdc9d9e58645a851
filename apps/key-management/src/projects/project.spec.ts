import { describe, expect, it } from 'vitest';
import { edited, type Project } from './project.js';

const project: Project = {
  organizationId: 'default',
  id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'search',
  description: 'finds things',
  createdAt: new Date(0),
  version: 3,
};

describe('a project that is edited', () => {
  it('has the next version, and what was left out stays', () => {
    expect(edited(project, { name: 'find' })).toEqual({ ...project, name: 'find', version: 4 });
    expect(edited(project, { description: 'x' })).toEqual({ ...project, description: 'x', version: 4 });
  });
  it('has no description after null or an empty text', () => {
    for (const description of [null, ''])
      expect(edited(project, { description })).toEqual({ ...project, description: null, version: 4 });
  });
  it('is the same version where nothing differs', () => {
    for (const texts of [{}, { name: 'search' }, { name: undefined, description: 'finds things' }])
      expect(edited(project, texts)).toBeNull();
    expect(edited({ ...project, description: null }, { description: '' })).toBeNull();
  });
});
