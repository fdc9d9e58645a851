import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { PeopleModule } from '../people/people.module.js';
import { ProjectsModule } from '../projects/projects.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { AuthKeysController } from './auth-keys.controller.js';
import { AuthorizationCodeStore } from './authorization-code-store.js';
import { ConsentController } from './consent.controller.js';
import { ExchangeCode } from './exchange-code.js';
import { GiveCode } from './give-code.js';

/** Keys that people give apps: the page on which they agree, and the exchange of its code. */
@Module({
  imports: [KeysModule, KeyStoreModule, OrganizationsModule, PeopleModule, ProjectsModule, SignInModule],
  controllers: [ConsentController, AuthKeysController],
  providers: [AuthorizationCodeStore, ExchangeCode, GiveCode],
})
export class OauthModule {}
