import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { inference as dialect } from '../../dialects/inference/inference.js';
import type { Endpoint } from '../endpoint.js';

/** Our own endpoint for one prompt: docs/inference.md. */
export const inference: Endpoint = { ...INFERENCE_ENDPOINTS.inference, dialect };
