import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  IfMatch,
  listOf,
  OrganizationId,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationStore } from '../organizations/organization-store.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { KeyRelay } from '../relay/key-relay.js';
import { ProjectStore, unlessTaken } from './project-store.js';
import { edited, type Project } from './project.js';
import {
  deletedProjectReply,
  projectListReply,
  projectObject,
  projectReply,
  type ProjectList,
  type ProjectObject,
} from './project.reply.js';
import {
  createProjectRequest,
  listProjectsRequest,
  PROJECT_PAGES,
  projectPath,
  updateProjectRequest,
  type CreateProjectRequest,
  type ListProjectsRequest,
  type ProjectPath,
  type UpdateProjectRequest,
} from './projects.request.js';

/** The projects of one organisation. */
@Tag('Projects')
@Controller('v1/projects')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class ProjectsController {
  constructor(
    private readonly store: ProjectStore,
    private readonly organizations: OrganizationStore,
    private readonly idempotency: Idempotency,
    private readonly relay: KeyRelay,
  ) {}

  @Post()
  @Operation({ id: 'createProject', summary: 'Make a project' })
  @ShowsVersion()
  @Refuses('name_taken')
  @Replies(projectReply, { 201: 'The project.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createProjectRequest }) { name, description }: CreateProjectRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectObject | SerializedReply> {
    const project: Project = {
      organizationId,
      id: randomUUID(),
      name,
      description: description === '' ? null : description,
      createdAt: new Date(),
      version: 1,
    };
    const answered = await unlessTaken(() =>
      this.idempotency.answer(request, organizationId, reply, async (manager) => {
        await this.organizations.keep(manager, organizationId);
        await this.store.insert(manager, project, actor);
        return { body: projectObject(project), version: project.version };
      }),
    );
    if (answered === 'name_taken') throw nameTaken();
    return answered;
  }

  @Get()
  @Operation({ id: 'listProjects', summary: 'List projects', description: 'Newest first.' })
  @Replies(projectListReply, { 200: 'One page of projects.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listProjectsRequest }) { limit, cursor }: ListProjectsRequest,
  ): Promise<ProjectList> {
    const after = PROJECT_PAGES.positionOf(cursor, { organizationId });
    const listed = await this.store.list(organizationId, limit + 1, after);
    const page = PROJECT_PAGES.page(listed, limit, { organizationId }, ({ position: [createdAt, id] }) => [
      createdAt,
      id,
    ]);
    return listOf(page, ({ project }) => projectObject(project));
  }

  @Get(':id')
  @Operation({ id: 'getProject', summary: 'Show a project' })
  @ShowsVersion()
  @Replies(projectReply, { 200: 'The project.' })
  async one(
    @OrganizationId() organizationId: string,
    @Param({ schema: projectPath }) { id }: ProjectPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectObject> {
    return shown(await this.store.find(organizationId, id), reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updateProject',
    summary: 'Rename or describe a project',
    description: 'What is left out stays as it is.',
  })
  @ShowsVersion()
  @Refuses('name_taken')
  @Replies(projectReply, { 200: 'The project as it is now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: projectPath }) { id }: ProjectPath,
    @Body({ schema: updateProjectRequest }) texts: UpdateProjectRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectObject> {
    const decide = (project: Project): Project | null => {
      precondition.holdsFor(project.version);
      return edited(project, texts);
    };
    const changed = await this.store.change(organizationId, id, decide, actor);
    if (changed === 'name_taken') throw nameTaken();
    return shown(changed, reply);
  }

  @Delete(':id')
  @Operation({
    id: 'deleteProject',
    summary: 'Delete a project',
    description:
      'A project to which keys belong is not deleted. Its budget ends with it; what was charged stays in the ledger.',
  })
  @Refuses('project_in_use')
  @Replies(deletedProjectReply, { 200: 'The project that is no more.' })
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: projectPath }) { id }: ProjectPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
  ): Promise<ProjectObject & { deleted: true }> {
    const allow = ({ version }: Project): void => precondition.holdsFor(version);
    const deleted = await this.store.delete(organizationId, id, allow, actor);
    if (deleted === 'in_use') throw new Problem('project_in_use');
    if (deleted === null) throw new Problem('project_not_found');
    this.relay.wake();
    return { ...projectObject(deleted), deleted: true };
  }
}

function shown(project: Project | null, reply: FastifyReply): ProjectObject {
  if (project === null) throw new Problem('project_not_found');
  showVersion(reply, project.version);
  return projectObject(project);
}

const nameTaken = (): Problem =>
  new Problem('name_taken', { errors: [{ path: 'name', message: 'must be one that no other project has' }] });
