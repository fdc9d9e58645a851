{{/* What holds for every pod of Tollgate's own image, jobs included: .root, .component, .settings, .spec (extra fields). */}}
{{- define "tollgate.podBase" -}}
# A Service that is called tollgate would set TOLLGATE_PORT in every pod of the namespace.
enableServiceLinks: false
automountServiceAccountToken: false
{{- include "tollgate.podUser" (ternary 10001 0 .Values.fixedUser) }}
{{- with include "tollgate.pullSecrets" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "tollgate.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Which nodes a pod may run on, by the block of the values that has these fields. */}}
{{- define "tollgate.placement" -}}
{{- $lines := list -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- with get $ $field -}}{{- $lines = append $lines (printf "%s: %s" $field (toJson .)) -}}{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* The number of the user and the group; 0 where the cluster gives both. */}}
{{- define "tollgate.podUser" }}
securityContext:
  runAsNonRoot: true
  {{- if . }}
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  # Volumes belong to this group: what a pod may write it can write.
  fsGroup: {{ . }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "tollgate.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "tollgate.containerBase" -}}
image: {{ include "tollgate.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ include "tollgate.containerSecurity" . }}
{{- end -}}

{{- define "tollgate.mounts" -}}
- {name: config, mountPath: /etc/tollgate, readOnly: true}
- {name: secrets, mountPath: /run/secrets/tollgate, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "tollgate.volumes" -}}
- name: config
  configMap: {name: {{ default (printf "%s-config" (include "tollgate.fullname" .root)) .root.Values.existingConfigMap | quote }}, items: [{key: config.yaml, path: config.yaml}]}
# Counted in the pod's limit of memory.
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: {{ .root.Values.tmpSize | quote }}}
{{ include "tollgate.secretsVolume" . }}
{{- end -}}

{{/* The metadata and the spec of the pods of a service: .root, .service, .volumes and .mounts (YAML, optional). */}}
{{- define "tollgate.servicePod" -}}
{{- $root := .root -}}
{{- $block := get $root.Values (include "tollgate.block" .service) -}}
{{- $settings := include "tollgate.settings" . | fromJson -}}
{{- $isGateway := eq .service "gateway" -}}
{{- $stop := $root.Values.gateway.stop -}}
metadata:
  labels:
    {{- include "tollgate.labels" (dict "root" $root "component" .service) | nindent 4 }}
  annotations:
    checksum/config: {{ include "tollgate.config" $root | sha256sum }}
    {{- with $block.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "tollgate.podBase" $root | nindent 2 }}
  {{- if $isGateway }}
  {{- $grace := int (include "tollgate.graceSeconds" $root) }}
  # From before preStop on: the pause, the window, the longest call, shipping the journal.
  terminationGracePeriodSeconds: {{ max $grace (int $root.Values.gateway.terminationGracePeriodSeconds) }}
  {{- else }}
  # The pause, the window, 5 s for calls under way, 10 s to close what it has open.
  terminationGracePeriodSeconds: {{ add (int $stop.preStopSeconds) (int $stop.windowSeconds) 15 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "tollgate.selector" (dict "root" $root "component" $.service) | nindent 10 }}
    {{- end }}
  {{- with include "tollgate.placement" $block }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if not $isGateway }}
  initContainers:
    {{- include "tollgate.waitForSchema" (dict "root" $root "service" .service "settings" $settings) | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .service }}
      {{- include "tollgate.containerBase" $root | nindent 6 }}
      args: [apps/{{ .service }}/dist/main.js]
      env: {{- include "tollgate.env" $settings | nindent 8 }}
      ports:
        - {name: http, containerPort: 8080}
        - {name: operations, containerPort: 9090}
      {{- if gt (int $stop.preStopSeconds) 0 }}
      lifecycle:
        preStop: {sleep: {seconds: {{ int $stop.preStopSeconds }}}}
      {{- end }}
      # Covers a start that ships a long journal.
      startupProbe:
        httpGet: {path: /livez, port: operations}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: {{ div (add (int $root.Values.startupSeconds) 1) 2 }}
      # Whether this process is worse than another. Stores that all of them share do not decide it.
      readinessProbe:
        httpGet: {path: /readyz, port: operations}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      # Looks at nothing but the event loop: a restart mends no store.
      livenessProbe:
        httpGet: {path: /livez, port: operations}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      resources: {{- toYaml $block.resources | nindent 8 }}
      volumeMounts:
        {{- include "tollgate.mounts" . | nindent 8 }}
        {{- with .mounts }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "tollgate.volumes" (dict "root" $root "files" $settings.files) | nindent 4 }}
    {{- with .volumes }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}
