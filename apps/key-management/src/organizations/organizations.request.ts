import { z } from 'zod';
import { name } from '../keys/create-key/create-key.request.js';

/** `POST /v1/organizations`. */
export const createOrganizationRequest = z.strictObject({ name });
