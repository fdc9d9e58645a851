import { Module, type DynamicModule } from '@nestjs/common';

/** The four services in one application. */
@Module({})
export class StandaloneModule {
  static of(services: readonly DynamicModule[]): DynamicModule {
    return { module: StandaloneModule, imports: [...services] };
  }
}
