/** Below which paths each service of the control plane answers; nothing of the inference side is among them. */
export const CONTROL_PLANE_PREFIXES = {
  keyManagement: '/v1/api-keys',
  organizations: '/v1/organizations',
  usageBilling: '/v1/usage',
  secretScanning: '/webhooks',
} as const;
