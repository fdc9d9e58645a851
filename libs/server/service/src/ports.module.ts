import { Module, type DynamicModule, type ValueProvider } from '@nestjs/common';

/**
 * The ports of a process, as a global module: what stands behind each token is decided once, where the process is put
 * together, and every module of it injects the token. One of it in an application.
 *
 * @example
 * PortsModule.of([{ provide: DATABASE, useValue: database }, { provide: LOGGER, useValue: logger }])
 */
@Module({})
export class PortsModule {
  static of(ports: ValueProvider[]): DynamicModule {
    return { module: PortsModule, global: true, providers: ports, exports: ports.map(({ provide }) => provide) };
  }
}
