{{/*
Puts the defaults of this version into .Values where a block or a value is absent: after `helm upgrade --reuse-values`
those that the former version did not know are. What was set to nothing inside a block that is taken as a whole stays so.
Every template calls it first.
*/}}
{{- define "tollgate.prepare" -}}
{{- include "tollgate.fill" (dict "into" .Values "from" (.Files.Get "files/values.yaml" | fromYaml)) -}}
{{- include "tollgate.check" . -}}
{{- end -}}

{{- define "tollgate.fill" -}}
{{- $whole := list "requests" "limits" "environment" "podAnnotations" "annotations" "nodeSelector" "affinity" "labels" "global" -}}
{{- $into := .into -}}
{{- range $name, $default := .from -}}
{{- if or (not (hasKey $into $name)) (kindIs "invalid" (get $into $name)) -}}
{{- if not (has $name $whole) -}}{{- $_ := set $into $name $default -}}{{- end -}}
{{- else if and (kindIs "map" $default) (kindIs "map" (get $into $name)) (not (has $name $whole)) -}}
{{- include "tollgate.fill" (dict "into" (get $into $name) "from" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tollgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | regexFind "^.*[A-Za-z0-9]" -}}
{{- end -}}

{{/* Short enough for the longest suffix of a name, whose dash it does without. tollgate.check refuses what is no name of a Service. */}}
{{- define "tollgate.fullname" -}}
{{- $name := include "tollgate.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | regexFind "^.*[A-Za-z0-9]" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 36 | regexFind "^.*[A-Za-z0-9]" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 36 | regexFind "^.*[A-Za-z0-9]" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods: it is immutable, so nothing stands here that another version has otherwise. */}}
{{- define "tollgate.selector" -}}
app.kubernetes.io/name: {{ include "tollgate.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "tollgate.labels" -}}
{{ include "tollgate.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | regexFind "^.*[A-Za-z0-9]" }}
{{- end -}}

{{- define "tollgate.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The block of the values that a service has. */}}
{{- define "tollgate.block" -}}
{{- get (dict "gateway" "gateway" "key-management" "keyManagement" "usage-billing" "usageBilling" "secret-scanning" "secretScanning") . -}}
{{- end -}}

{{/* The configuration file as a text. */}}
{{- define "tollgate.config" -}}
{{- default (.Files.Get "files/config.yaml") .Values.config -}}
{{- end -}}

{{/* Its providers, as JSON: those that have the form of one. What the others lack the app says, with the line. */}}
{{- define "tollgate.providers" -}}
{{- $found := list -}}
{{- $providers := (include "tollgate.config" . | fromYaml).providers -}}
{{- if kindIs "slice" $providers -}}
{{- range $providers -}}{{- if kindIs "map" . -}}{{- $found = append $found . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* A time such as 600000 or 1e+06, whatever YAML has made of it, as whole seconds. */}}
{{- define "tollgate.drainSeconds" -}}
{{- $drain := int .Values.gateway.stop.drainSeconds -}}
{{- if eq $drain 0 -}}
{{- $longest := 0 -}}
{{- $providers := list -}}
{{- if not .Values.existingConfigMap -}}
{{- $providers = include "tollgate.providers" . | fromJsonArray -}}
{{- end -}}
{{- range $providers -}}
{{- $longest = max $longest (int (default 600000 .timeout_ms)) -}}
{{- end -}}
{{- if eq $longest 0 -}}{{- $longest = 600000 -}}{{- end -}}
{{- $drain = div (add $longest 999) 1000 -}}
{{- end -}}
{{- $drain -}}
{{- end -}}

{{/* The least grace in which a gateway ends without cutting off a call or leaving usage behind. */}}
{{- define "tollgate.graceSeconds" -}}
{{- $stop := .Values.gateway.stop -}}
{{- add (int $stop.preStopSeconds) (int $stop.windowSeconds) (int (include "tollgate.drainSeconds" .)) (int $stop.shippingSeconds) -}}
{{- end -}}
