import { Controller, Get, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { z } from 'zod';
import { ProjectStore } from './project-store.js';

/** The projects that a project key opens, in the shape of Langfuse: its own. */
const projectsOfKeyReply = z
  .object({
    data: z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        metadata: z.object({}).describe('Always empty: projects have a name and a description alone.'),
      }),
    ),
  })
  .meta({
    id: 'ProjectsOfKey',
    examples: [{ data: [{ id: '3a1d0c52-5a0e-4f0b-8c1e-0123456789ab', name: 'search', metadata: {} }] }],
  });

/** What the SDKs of Langfuse ask to find out whether a project key is good. */
@Tag('Langfuse')
@Controller('api/public/projects')
@UseGuards(PrincipalGuard)
export class ProjectsOfKeyController {
  constructor(private readonly projects: ProjectStore) {}

  @Get()
  @Operation({
    id: 'listProjectsOfKey',
    summary: 'Show the project of a project key, as Langfuse does',
    description: 'The public key is the user and the secret the password of `Authorization: Basic`.',
  })
  @Replies(projectsOfKeyReply, { 200: 'The project of the key.' })
  async list(@CurrentPrincipal() principal: Principal) {
    const projectId = principal.kind === 'api_key' ? principal.projectId : undefined;
    if (principal.kind !== 'api_key' || projectId === undefined) throw new Problem('access_denied');
    const project = await this.projects.find(principal.organizationId, projectId);
    // A project with keys cannot be deleted: only a key that was moved since can have none.
    return { data: project === null ? [] : [{ id: project.id, name: project.name, metadata: {} }] };
  }
}
