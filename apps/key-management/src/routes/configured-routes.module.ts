import { Module } from '@nestjs/common';
import { ConfiguredRoutes } from './configured-routes.js';

/** The routes of config.yaml, for all who ask what a key may use. */
@Module({ providers: [ConfiguredRoutes], exports: [ConfiguredRoutes] })
export class ConfiguredRoutesModule {}
