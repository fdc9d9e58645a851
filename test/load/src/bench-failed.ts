/** The run is void: something was not as it must be. The message says what. */
export class BenchFailed extends Error {}
