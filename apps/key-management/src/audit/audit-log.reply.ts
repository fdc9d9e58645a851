import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { STREAMS } from './audit-entry.js';
import { CHAIN_FAULTS, type ChainFaultKind } from './chain-verifier.js';

const moment = z.string().meta({ format: 'date-time' });
const hash = z.string().describe('SHA-256, as 64 hex digits.');
const stream = z.enum(STREAMS);

const EXAMPLE = {
  object: 'audit_log',
  id: 'changes-1042',
  stream: 'changes',
  sequence: 1042,
  at: '2026-11-28T17:00:00.125Z',
  actor: { type: 'person', id: '5c1d0b1e-2f3a-4f77-9c55-0123456789ab', email: 'ada@example.org' },
  address: '192.0.2.17',
  action: 'member.updated',
  target: { type: 'member', id: '91a3f9f0-5f0e-44b3-8a53-0123456789ab' },
  changes: { role: { from: 'member', to: 'admin' } },
  details: {},
  request_id: '0d9f6f8e-5a55-4f6e-9d2b-0123456789ab',
  erased: false,
  hash: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  previous_hash: '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
} as const;

/** An entry of the audit trail, as lists show it. */
const auditLogReply = z
  .object({
    object: z.literal('audit_log'),
    id: z.string(),
    stream: stream.describe('Each organisation has two chains: `changes`, and `refusals` of the admin API.'),
    sequence: z.int().positive().describe('The place in its chain, from 1 on without gaps.'),
    at: moment,
    actor: z.object({
      type: z.string().describe('`person`, `api_key`, `admin_secret`, `tollgate` (by itself) or `unknown`.'),
      id: z.string().nullable().describe('Of a person or a key.'),
      email: z.string().nullable().describe('Of a person, at that time; null once it is erased.'),
    }),
    address: z.string().nullable().describe('Where the request came from; null if from nowhere, or once it is erased.'),
    action: z.string(),
    target: z.object({ type: z.string(), id: z.string() }),
    changes: z
      .record(z.string(), z.object({ from: z.unknown(), to: z.unknown() }))
      .describe('Each field that has changed, before and after.'),
    details: z.record(z.string(), z.unknown()),
    request_id: z.string().nullable(),
    erased: z.boolean().describe('Whether a name or an address of the entry is erased.'),
    hash,
    previous_hash: hash,
  })
  .meta({ id: 'AuditLog', examples: [EXAMPLE] });
export type AuditLogObject = Readonly<z.input<typeof auditLogReply>>;

/** One page of entries. */
export const auditLogListReply = listReply('AuditLogList', auditLogReply, EXAMPLE);
export type AuditLogList = Readonly<z.input<typeof auditLogListReply>>;

const FAULTS = Object.keys(CHAIN_FAULTS) as [ChainFaultKind, ...ChainFaultKind[]];

/** The result of a verification. */
export const auditVerificationReply = z
  .object({
    object: z.literal('audit_verification'),
    valid: z.boolean().describe('Whether no fault was found in what was verified so far.'),
    verified: z.int().nonnegative().describe('How many entries this call has verified.'),
    complete: z.boolean().describe('Whether nothing is left to verify.'),
    next_cursor: z.string().nullable().describe('What to send as `cursor` to go on; null when it is complete.'),
    fault: z
      .object({ stream, sequence: z.int().nonnegative(), kind: z.enum(FAULTS), message: z.string() })
      .nullable()
      .describe('The first fault, which ends the verification.'),
    chains: z
      .array(z.object({ stream, count: z.int().nonnegative(), last_hash: hash }))
      .readonly()
      .describe('How many entries each chain has, and the hash of the newest. Keep them elsewhere to compare.'),
  })
  .meta({
    id: 'AuditVerification',
    examples: [
      {
        object: 'audit_verification',
        valid: true,
        verified: 1042,
        complete: true,
        next_cursor: null,
        fault: null,
        chains: [{ stream: 'changes', count: 1042, last_hash: EXAMPLE.hash }],
      },
    ],
  });
export type AuditVerificationObject = Readonly<z.input<typeof auditVerificationReply>>;

/** The reply to an erasure. */
export const auditErasureReply = z
  .object({
    object: z.literal('audit_erasure'),
    erased: z.int().nonnegative().describe('How many names and addresses were erased.'),
  })
  .meta({ id: 'AuditErasure', examples: [{ object: 'audit_erasure', erased: 3 }] });
export type AuditErasureObject = Readonly<z.input<typeof auditErasureReply>>;
