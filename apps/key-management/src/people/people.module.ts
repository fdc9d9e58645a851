import { Module } from '@nestjs/common';
import { Passwords } from './passwords.js';
import { PersonStore } from './person-store.js';

/** People and their passwords, for sign-in and for invitations. */
@Module({ providers: [Passwords, PersonStore], exports: [Passwords, PersonStore] })
export class PeopleModule {}
