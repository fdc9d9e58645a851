export { startGithubSimulator, type GithubSimulator, type GithubSimulatorOptions } from './simulator.js';
