import { Module, type DynamicModule, type ValueProvider } from '@nestjs/common';

/**
 * A global module with the ports of a process. The implementation behind each token is chosen once, where the process
 * is assembled, and every module injects the token. An application has one such module.
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
