{{- define "tollgate.migrateProgram" -}}
apps/{{ . }}/dist/migrate.js
{{- end -}}

{{/*
Each schema in a container, as the owner of all of them, who also makes the roles that the services log in as: with the
password of each. Nobody else is told of the owner.
*/}}
{{- define "tollgate.migrationPod" -}}
{{- $root := . -}}
{{- $values := $root.Values -}}
{{- $owner := $values.postgres.owner -}}
{{- $host := ternary (printf "%s-postgres" (include "tollgate.fullname" $root)) (include "tollgate.host" (default $values.postgres.host $owner.host)) $values.postgres.inCluster -}}
{{- $port := ternary 5432 (int (default $values.postgres.port $owner.port)) $values.postgres.inCluster -}}
{{- $url := printf "postgres://%s@%s:%d/%s" (include "tollgate.inUrl" $owner.user) $host $port (include "tollgate.inUrl" $values.postgres.database) -}}
{{- $files := concat
  (list (dict "variable" "DATABASE_MIGRATION_PASSWORD" "name" $owner.passwordSecret.name "key" $owner.passwordSecret.key))
  (include "tollgate.ca" (dict "variable" "DATABASE_CA_FILE" "ca" $values.postgres.ca) | fromJsonArray) -}}
{{- $all := $files -}}
{{ include "tollgate.podBase" $root }}
{{- with include "tollgate.placement" $values.migration }}
{{ . }}
{{- end }}
restartPolicy: OnFailure
containers:
  {{- range $service := list "key-management" "usage-billing" "secret-scanning" }}
  {{- $settings := include "tollgate.settings" (dict "root" $root "service" $service) | fromJson }}
  {{- $user := get $values.postgres (include "tollgate.block" $service) }}
  {{- $file := printf "%s_database_password" (replace "-" "_" $service) }}
  {{- $all = append $all (dict "variable" $file "name" $user.passwordSecret.name "key" $user.passwordSecret.key) }}
  - name: migrate-{{ $service }}
    {{- include "tollgate.containerBase" $root | nindent 4 }}
    args: [{{ include "tollgate.migrateProgram" $service }}]
    env:
      - {name: DATABASE_PASSWORD_FILE, value: /run/secrets/tollgate/{{ $file }}}
      {{- include "tollgate.env" (dict "plain" (dict "DATABASE_MIGRATION_URL" $url "DATABASE_URL" $settings.plain.DATABASE_URL) "files" $files) | nindent 6 }}
    resources: {{- toYaml $values.migration.resources | nindent 6 }}
    volumeMounts:
      - {name: secrets, mountPath: /run/secrets/tollgate, readOnly: true}
      - {name: tmp, mountPath: /tmp}
  {{- end }}
volumes:
  {{- include "tollgate.secretsVolume" (dict "root" $root "files" $all) | nindent 2 }}
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: {{ $values.tmpSize | quote }}}
{{- end -}}

{{/* Waits in a service's pod until the schema is at least that of its image: a newer one will do, so a rollback starts. */}}
{{- define "tollgate.waitForSchema" -}}
{{- $files := list -}}
{{- range .settings.files -}}
{{- if hasPrefix "DATABASE_" .variable -}}{{- $files = append $files . -}}{{- end -}}
{{- end -}}
- name: wait-for-schema
  {{- include "tollgate.containerBase" .root | nindent 2 }}
  args: [{{ include "tollgate.migrateProgram" .service }}]
  env: {{- include "tollgate.env" (dict "plain" (pick .settings.plain "DATABASE_URL" "TOLLGATE_MIGRATIONS") "files" $files) | nindent 4 }}
  resources: {{- toYaml .root.Values.migration.resources | nindent 4 }}
  volumeMounts:
    - {name: secrets, mountPath: /run/secrets/tollgate, readOnly: true}
    - {name: tmp, mountPath: /tmp}
{{- end -}}

{{/* The annotations of the pods of jobs, which are as little to be changed as all else that is in them. */}}
{{- define "tollgate.jobAnnotations" -}}
{{- with . -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
