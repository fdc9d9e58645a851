import { Module } from '@nestjs/common';
import { Owners } from './owners.js';

/** What organisations have is known by key-management. */
@Module({ providers: [Owners], exports: [Owners] })
export class OwnersModule {}
