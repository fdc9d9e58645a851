/** The part of a container that tests read. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly envFrom?: unknown;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources?: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: unknown;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}

interface Projection {
  readonly name: string;
  readonly items: readonly { readonly key: string; readonly path: string }[];
}

/** The part of the spec of a pod that tests read. */
export interface PodSpec {
  readonly enableServiceLinks?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly topologySpreadConstraints?: readonly unknown[];
  readonly securityContext?: unknown;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
    readonly configMap?: { readonly name: string };
    readonly persistentVolumeClaim?: { readonly claimName: string };
    readonly projected?: {
      readonly defaultMode: number;
      readonly sources: readonly { readonly secret?: Projection; readonly configMap?: Projection }[];
    };
  }[];
}

export type Labels = Readonly<Record<string, string>>;

/** A rendered object, with the fields that tests read. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly data?: Labels;
  readonly spec?: ObjectSpec;
}

export interface Pod {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

/** The fields of several kinds. */
interface ObjectSpec {
  // StatefulSet, Deployment, Job
  readonly replicas?: number;
  readonly serviceName?: string;
  readonly podManagementPolicy?: string;
  readonly selector?: { readonly matchLabels: Labels };
  readonly template?: Pod;
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  readonly ttlSecondsAfterFinished?: number;
  // Service
  readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
  // NetworkPolicy
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly NetworkRule[];
  readonly egress?: readonly NetworkRule[];
  // PodDisruptionBudget
  readonly minAvailable?: unknown;
  readonly maxUnavailable?: unknown;
  // HorizontalPodAutoscaler
  readonly metrics?: readonly { readonly type: string }[];
  readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
}

interface NetworkPeer {
  readonly podSelector?: { readonly matchLabels: Labels };
}

export interface NetworkRule {
  readonly ports: readonly { readonly protocol: string; readonly port: number }[];
  readonly from?: readonly NetworkPeer[];
  readonly to?: readonly NetworkPeer[];
}

/** What all pods of a workload are made from; undefined for other kinds. */
export function podOf({ kind, spec }: KubernetesObject): Pod | undefined {
  return ['StatefulSet', 'Deployment', 'Job'].includes(kind) ? spec?.template : undefined;
}

/** `Kind/name`. */
export const nameOf = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata.name}`;
