import { Module } from '@nestjs/common';
import { PeopleModule } from '../people/people.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { DescribePerson } from './describe-person.js';
import { MeController } from './me.controller.js';

/** `GET /v1/me`: who asks, and what they may. */
@Module({ imports: [KeyStoreModule, PeopleModule], controllers: [MeController], providers: [DescribePerson] })
export class MeModule {}
