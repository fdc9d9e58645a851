{{/* The Secret that has a password: the one that is named, or that of Tollgate's own secrets. */}}
{{- define "tollgate.secretName" -}}
{{- .name | default .root.Values.secrets.existingSecret | default (printf "%s-generated" (include "tollgate.fullname" .root)) -}}
{{- end -}}

{{/*
What a process is told, by the name of its service or command (.service): `plain` variables by name, and `files`, each with its
variable, the kind and name of the object that has it, its key there, and the name of the file. No secret is a variable.
*/}}
{{- define "tollgate.settings" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $values := $root.Values -}}
{{- $fullname := include "tollgate.fullname" $root -}}
{{- $isGateway := has $service (list "gateway" "ship-journals") -}}
{{- $block := include "tollgate.block" (ternary "gateway" $service $isGateway) -}}
{{- $postgresHost := ternary (printf "%s-postgres" $fullname) (include "tollgate.host" $values.postgres.host) $values.postgres.inCluster -}}
{{- $redisHost := ternary (printf "%s-redis" $fullname) (include "tollgate.host" $values.redis.host) $values.redis.inCluster -}}
{{- $plain := dict "TOLLGATE_CONFIG" "/etc/tollgate/config.yaml" "LOG_LEVEL" $values.logLevel -}}
{{- $files := list -}}
{{- $_ := set $plain "TOLLGATE_HOST" $values.listenAddress -}}
{{- $_ := set $plain "TOLLGATE_PORT" "8080" -}}
{{- $_ := set $plain "TOLLGATE_OPERATIONS_HOST" $values.listenAddress -}}
{{- $_ := set $plain "TOLLGATE_OPERATIONS_PORT" "9090" -}}
{{- $_ := set $plain "TOLLGATE_STOP_WINDOW_SECONDS" (printf "%d" (int $values.gateway.stop.windowSeconds)) -}}
{{- $_ := set $plain "TOLLGATE_DATA" (ternary "/data" "/tmp" $isGateway) -}}
{{- if ne $service "key-management" -}}
{{- $_ := set $plain "KEY_MANAGEMENT_URL" (printf "http://%s-key-management:8080" $fullname) -}}
{{- end -}}
{{- if ne $service "usage-billing" -}}
{{- $_ := set $plain "USAGE_BILLING_URL" (printf "http://%s-usage-billing:8080" $fullname) -}}
{{- end -}}
{{- if $isGateway -}}
{{- $_ := set $plain "SECRET_SCANNING_URL" (printf "http://%s-secret-scanning:8080" $fullname) -}}
{{- else if $values.publicUrl -}}
{{- $_ := set $plain "TOLLGATE_PUBLIC_URL" $values.publicUrl -}}
{{- end -}}
{{/* Tollgate's own secrets: each service gets those that it reads. */}}
{{- $own := list (list "serviceSecret" "TOLLGATE_SERVICE_SECRET") (list "pepper" "TOLLGATE_PEPPER") -}}
{{- if ne $service "secret-scanning" -}}{{- $own = append $own (list "encryptionKey" "TOLLGATE_ENCRYPTION_KEY") -}}{{- end -}}
{{- if has $service (list "key-management" "usage-billing") -}}{{- $own = append $own (list "adminSecret" "TOLLGATE_ADMIN_SECRET") -}}{{- end -}}
{{- range $own -}}
{{- $variable := last . -}}
{{- if or (ne (first .) "encryptionKey") $values.secrets.encryptionKey -}}
{{- $files = append $files (dict "variable" $variable "name" "" "key" (lower $variable)) -}}
{{- end -}}
{{- if get $values.secrets.previous (first .) -}}
{{- $files = append $files (dict "variable" (printf "%s_PREVIOUS" $variable) "name" "" "key" (printf "%s_previous" (lower $variable))) -}}
{{- end -}}
{{- end -}}
{{/* Redis. */}}
{{- if ne $service "secret-scanning" -}}
{{- $user := get $values.redis $block -}}
{{- $_ := set $plain "REDIS_URL" (printf "%s://%s@%s:%d" (ternary "rediss" "redis" $values.redis.tls) (include "tollgate.inUrl" $user.user) $redisHost (ternary 6379 (int $values.redis.port) $values.redis.inCluster)) -}}
{{- $files = append $files (dict "variable" "REDIS_PASSWORD" "name" $user.passwordSecret.name "key" $user.passwordSecret.key) -}}
{{- $files = concat $files (include "tollgate.ca" (dict "variable" "REDIS_CA_FILE" "ca" $values.redis.ca) | fromJsonArray) -}}
{{- end -}}
{{/* Kafka. */}}
{{- $_ := set $plain "KAFKA_BROKERS" (ternary (printf "%s-kafka:9092" $fullname) (join "," $values.kafka.brokers) $values.kafka.inCluster) -}}
{{- if $values.kafka.topicPrefix -}}{{- $_ := set $plain "KAFKA_TOPIC_PREFIX" $values.kafka.topicPrefix -}}{{- end -}}
{{- if $values.kafka.tls -}}{{- $_ := set $plain "KAFKA_TLS" "on" -}}{{- end -}}
{{- if $values.kafka.sasl -}}
{{- $user := get $values.kafka $block -}}
{{- $_ := set $plain "KAFKA_USERNAME" $user.user -}}
{{- $files = append $files (dict "variable" "KAFKA_PASSWORD" "name" $user.passwordSecret.name "key" $user.passwordSecret.key) -}}
{{- end -}}
{{- $files = concat $files (include "tollgate.ca" (dict "variable" "KAFKA_CA_FILE" "ca" $values.kafka.ca) | fromJsonArray) -}}
{{- if $isGateway -}}
{{- range $values.credentials -}}
{{- $files = append $files (dict "variable" .variable "name" .secret "key" .key) -}}
{{- end -}}
{{- else -}}
{{/* PostgreSQL: each service as its role. Its schema is brought up to date by the job. */}}
{{- $_ := set $plain "TOLLGATE_MIGRATIONS" "wait" -}}
{{- $port := ternary 5432 (int $values.postgres.port) $values.postgres.inCluster -}}
{{- $user := get $values.postgres $block -}}
{{- $_ := set $plain "DATABASE_URL" (printf "postgres://%s@%s:%d/%s" (include "tollgate.inUrl" $user.user) $postgresHost $port (include "tollgate.inUrl" $values.postgres.database)) -}}
{{- $files = append $files (dict "variable" "DATABASE_PASSWORD" "name" $user.passwordSecret.name "key" $user.passwordSecret.key) -}}
{{- $files = concat $files (include "tollgate.ca" (dict "variable" "DATABASE_CA_FILE" "ca" $values.postgres.ca) | fromJsonArray) -}}
{{- if $values.smtp.url -}}
{{- $_ := set $plain "SMTP_URL" $values.smtp.url -}}
{{- if contains "@" $values.smtp.url -}}
{{- $files = append $files (dict "variable" "SMTP_PASSWORD" "name" $values.smtp.passwordSecret.name "key" $values.smtp.passwordSecret.key) -}}
{{- end -}}
{{- $files = concat $files (include "tollgate.ca" (dict "variable" "SMTP_CA_FILE" "ca" $values.smtp.ca) | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- if eq $service "key-management" -}}
{{- $_ := set $plain "INIT_OWNER_EMAIL" $values.owner.email -}}
{{- if $values.owner.passwordSecret.name -}}
{{- $files = append $files (dict "variable" "INIT_OWNER_PASSWORD" "name" $values.owner.passwordSecret.name "key" $values.owner.passwordSecret.key) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := (get $values $block).environment -}}
{{- $_ := set $plain $name (include "tollgate.variable" (dict "value" $value)) -}}
{{- end -}}
{{- if eq $service "ship-journals" -}}
{{/* It needs the bus, usage-billing and the folder, and nothing else. */}}
{{- $plain = pick $plain "TOLLGATE_DATA" "USAGE_BILLING_URL" "LOG_LEVEL" "KAFKA_BROKERS" "KAFKA_TOPIC_PREFIX" "KAFKA_TLS" "KAFKA_USERNAME" -}}
{{- $needed := list -}}
{{- range $files -}}
{{- if regexMatch "^(KAFKA_|TOLLGATE_SERVICE_SECRET)" .variable -}}{{- $needed = append $needed . -}}{{- end -}}
{{- end -}}
{{- $files = $needed -}}
{{- end -}}
{{- toJson (dict "plain" $plain "files" $files) -}}
{{- end -}}

{{/* A host as it stands in a URL. */}}
{{- define "tollgate.host" -}}
{{- ternary (printf "[%s]" .) . (and (contains ":" .) (not (hasPrefix "[" .))) -}}
{{- end -}}

{{/* A user or a database as it stands in a URL: a plus sign is no space there. */}}
{{- define "tollgate.inUrl" -}}
{{- urlquery . | replace "+" "%20" -}}
{{- end -}}

{{/* A number of a file of values arrives as a float, whose text would be 1e+06. */}}
{{- define "tollgate.variable" -}}
{{- if kindIs "float64" .value -}}{{- printf "%.0f" .value -}}{{- else -}}{{- .value -}}{{- end -}}
{{- end -}}

{{/* The variables that values other than `environment` decide, set or not: what stands in both would hold in one place only. */}}
{{- define "tollgate.ownVariables" -}}
^(TOLLGATE_(CONFIG|HOST|PORT|OPERATIONS_HOST|OPERATIONS_PORT|STOP_WINDOW_SECONDS|DATA|PUBLIC_URL|MIGRATIONS)|(KEY_MANAGEMENT|USAGE_BILLING|SECRET_SCANNING)_URL|(TOLLGATE_(PEPPER|ENCRYPTION_KEY|ADMIN_SECRET|SERVICE_SECRET)|DATABASE|REDIS|KAFKA|SMTP|INIT_OWNER)(_.+)?)$
{{- end -}}

{{/* The file of an authority, if there is one. Its variable has the path itself. */}}
{{- define "tollgate.ca" -}}
{{- if .ca.secret -}}
{{- toJson (list (dict "variable" .variable "name" .ca.secret "key" .ca.key "ca" true)) -}}
{{- else if .ca.configMap -}}
{{- toJson (list (dict "variable" .variable "configMap" .ca.configMap "key" .ca.key "ca" true)) -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The name of the file of a setting, in the folder of secrets: as the variable, in lower case. */}}
{{- define "tollgate.fileName" -}}
{{- lower .variable | trimSuffix "_file" -}}
{{- end -}}

{{- define "tollgate.env" -}}
{{- $settings := . -}}
{{- $lines := list -}}
{{- range $name, $value := $settings.plain -}}
{{- /* Kubernetes would put another variable into the place of $(NAME), and one dollar sign into that of two. */ -}}
{{- $lines = append $lines (printf "- {name: %s, value: %s}" $name (replace "$" "$$" $value | quote)) -}}
{{- end -}}
{{- range $settings.files -}}
{{- $lines = append $lines (printf "- {name: %s, value: /run/secrets/tollgate/%s}" (ternary .variable (printf "%s_FILE" .variable) (hasKey . "ca")) (include "tollgate.fileName" .)) -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* The volume with all files of a process: readable by its group, which is that of the pod. */}}
{{- define "tollgate.secretsVolume" -}}
{{- $root := .root -}}
- name: {{ .name | default "secrets" }}
  projected:
    # 0440, in a form that every parser of YAML reads alike.
    defaultMode: 288
    sources:
      {{- range .files }}
      {{- if hasKey . "configMap" }}
      - configMap: {name: {{ .configMap | quote }}, items: [{key: {{ .key | quote }}, path: {{ include "tollgate.fileName" . | quote }}}]}
      {{- else }}
      - secret: {name: {{ include "tollgate.secretName" (dict "root" $root "name" .name) | quote }}, items: [{key: {{ .key | quote }}, path: {{ include "tollgate.fileName" . | quote }}}]}
      {{- end }}
      {{- end }}
{{- end -}}
