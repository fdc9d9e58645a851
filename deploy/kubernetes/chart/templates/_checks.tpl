{{/* What no schema of the values can say. All faults are told at once, each after its field. */}}
{{- define "tollgate.check" -}}
{{- $faults := list -}}
{{- $values := .Values -}}
{{- $fullname := include "tollgate.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) -}}
{{- $faults = append $faults (printf "fullnameOverride: choose a name that begins with a letter and has small letters, digits and dashes: %s, which follows from the release, cannot be the name of a Service" $fullname) -}}
{{- end -}}
{{- if not $values.enabled -}}
{{- $faults = append $faults "enabled: is for a chart that has this one as a part, and names it as the condition: in its requirements stands `condition: tollgate.enabled`" -}}
{{- end -}}
{{- if and (not $values.fixedUser) (or $values.postgres.inCluster $values.redis.inCluster $values.kafka.inCluster) -}}
{{- $faults = append $faults "fixedUser: must be true with stores in the release (inCluster), whose images have users of their own" -}}
{{- end -}}
{{- if not $values.secrets.existingSecret -}}
{{- if not (include "tollgate.live" .) -}}
{{- $faults = append $faults "secrets.existingSecret: name the Secret that has Tollgate's own secrets. Only a live install can make one: this rendering cannot see what is in the cluster, and would make other secrets each time" -}}
{{- else if and .Release.IsUpgrade (not (lookup "v1" "Secret" .Release.Namespace (printf "%s-generated" (include "tollgate.fullname" .)))) -}}
{{- $faults = append $faults (printf "secrets.existingSecret: the Secret %s-generated, which the install made, is gone. Put it back, or name the one that has its secrets: under another pepper no key is known" (include "tollgate.fullname" .)) -}}
{{- end -}}
{{- end -}}
{{- range $store, $users := dict "postgres" (list "owner" "keyManagement" "usageBilling" "secretScanning") "redis" (list "gateway" "keyManagement" "usageBilling") "kafka" (list "gateway" "keyManagement" "usageBilling" "secretScanning") -}}
{{- $block := get $values $store -}}
{{- if and (not $block.inCluster) (not $values.secrets.existingSecret) (or (ne $store "kafka") $block.sasl) -}}
{{- range $users -}}
{{- if not (get $block .).passwordSecret.name -}}
{{- $faults = append $faults (printf "%s.%s.passwordSecret.name: name the Secret that has the password, or secrets.existingSecret" $store .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $block.inCluster (ne $store "postgres") $block.tls -}}
{{- $faults = append $faults (printf "%s.tls: must be false where %s.inCluster is true, which has no certificate" $store $store) -}}
{{- end -}}
{{- if and $block.ca.secret $block.ca.configMap -}}
{{- $faults = append $faults (printf "%s.ca: name a Secret or a ConfigMap, not both" $store) -}}
{{- end -}}
{{- if and (or $block.ca.secret $block.ca.configMap) (or $block.inCluster (and (ne $store "postgres") (not $block.tls))) -}}
{{- $faults = append $faults (printf "%s.ca: is used with %s alone" $store (ternary "an external PostgreSQL" (printf "%s.tls" $store) (eq $store "postgres"))) -}}
{{- end -}}
{{- end -}}
{{- range list "postgres" "redis" -}}
{{- if and (not (get $values .).inCluster) (not (get $values .).host) -}}
{{- $faults = append $faults (printf "%s.host: name the server, or set %s.inCluster to true to try Tollgate out" . .) -}}
{{- end -}}
{{- end -}}
{{- if and (not $values.kafka.inCluster) (not $values.kafka.brokers) -}}
{{- $faults = append $faults "kafka.brokers: name them as host:port, or set kafka.inCluster to true to try Tollgate out" -}}
{{- end -}}
{{- if and $values.kafka.inCluster (not $values.kafka.sasl) -}}
{{- $faults = append $faults "kafka.sasl: must be true where kafka.inCluster is true, which serves nobody without a password" -}}
{{- end -}}
{{- if and $values.smtp.ca.secret $values.smtp.ca.configMap -}}
{{- $faults = append $faults "smtp.ca: name a Secret or a ConfigMap, not both" -}}
{{- end -}}
{{- if and $values.config $values.existingConfigMap -}}
{{- $faults = append $faults "config: leave it out where existingConfigMap names a ConfigMap" -}}
{{- end -}}
{{- if not $values.existingConfigMap -}}
{{- $config := include "tollgate.config" . | fromYaml -}}
{{- with $config.Error -}}
{{- $faults = append $faults (printf "config: cannot be read as a map in YAML: %s" .) -}}
{{- end -}}
{{- $given := list -}}
{{- range $values.credentials -}}{{- $given = append $given .variable -}}{{- end -}}
{{- $needed := list (omit $config "providers") -}}
{{- range include "tollgate.providers" . | fromJsonArray -}}
{{- if not .optional -}}{{- $needed = append $needed . -}}{{- end -}}
{{- end -}}
{{- range regexFindAll "\\$\\{env:[A-Za-z_][A-Za-z0-9_]*\\}" (toJson $needed) -1 | uniq -}}
{{- $variable := trimSuffix "}" (trimPrefix "${env:" .) -}}
{{- if not (has $variable $given) -}}
{{- $faults = append $faults (printf "credentials: the configuration names %s; say in which Secret it is, as {variable: %s, secret: NAME, key: KEY}" . $variable) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $values.credentials -}}
{{- $file := include "tollgate.fileName" . -}}
{{- if regexMatch (include "tollgate.ownVariables" $) (upper .variable) -}}
{{- $faults = append $faults (printf "credentials: %s is a variable of Tollgate's own; give the credential another, in the configuration too" .variable) -}}
{{- else if hasKey $seen $file -}}
{{- $faults = append $faults (printf "credentials: %s and %s would be one file; name each once" (get $seen $file) .variable) -}}
{{- end -}}
{{- $_ := set $seen $file .variable -}}
{{- end -}}
{{- range $block := list "gateway" "keyManagement" "usageBilling" "secretScanning" -}}
{{- range $name, $_ := (get $values $block).environment -}}
{{- if or (regexMatch (include "tollgate.ownVariables" $) $name) (and (eq $block "gateway") (hasKey $seen (lower $name | trimSuffix "_file"))) -}}
{{- $faults = append $faults (printf "%s.environment: %s is decided by other values of this chart; leave it out" $block $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $values.existingConfigMap (eq (int $values.gateway.stop.drainSeconds) 0) -}}
{{- $faults = append $faults "gateway.stop.drainSeconds: say how long the longest call takes: the chart cannot read existingConfigMap" -}}
{{- end -}}
{{- $grace := int (include "tollgate.graceSeconds" .) -}}
{{- $set := int $values.gateway.terminationGracePeriodSeconds -}}
{{- if and (gt $set 0) (lt $set $grace) -}}
{{- $faults = append $faults (printf "gateway.terminationGracePeriodSeconds: must be at least %d: %d before SIGTERM, %d in which calls are still taken, %s for the longest call, %d for shipping the journal" $grace (int $values.gateway.stop.preStopSeconds) (int $values.gateway.stop.windowSeconds) (include "tollgate.drainSeconds" .) (int $values.gateway.stop.shippingSeconds)) -}}
{{- end -}}
{{- if and $values.gateway.autoscaling.enabled (lt (int $values.gateway.autoscaling.maxReplicas) (int $values.gateway.autoscaling.minReplicas)) -}}
{{- $faults = append $faults "gateway.autoscaling.maxReplicas: must be at least gateway.autoscaling.minReplicas" -}}
{{- end -}}
{{- $cpu := get ($values.gateway.resources.requests | default dict) "cpu" | default (get ($values.gateway.resources.limits | default dict) "cpu") -}}
{{- if and $values.gateway.autoscaling.enabled (not $cpu) -}}
{{- $faults = append $faults "gateway.resources.requests.cpu: say how much a gateway asks for: the autoscaler reckons in parts of it" -}}
{{- end -}}
{{- $service := $values.gateway.service -}}
{{- if and $service.externalTrafficPolicy (eq $service.type "ClusterIP") -}}
{{- $faults = append $faults "gateway.service.externalTrafficPolicy: is for gateway.service.type NodePort or LoadBalancer alone" -}}
{{- end -}}
{{- if and (hasSuffix "DualStack" $service.ipFamilyPolicy) (ne $values.listenAddress "::") -}}
{{- $faults = append $faults "listenAddress: must be \"::\" where gateway.service.ipFamilyPolicy asks for both families" -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) -}}
{{- $faults = append $faults "ingress.host: name the host under which people reach Tollgate" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- $faults = append $faults "httpRoute.parentRefs: name the Gateway, as [{name: NAME}]" -}}
{{- end -}}
{{- /* What Kubernetes lets nobody change would be refused half-way through an upgrade. */ -}}
{{- $journal := $values.gateway.journal -}}
{{- $claims := dict "gateway" (dict "path" "gateway.journal" "size" $journal.size "class" $journal.storageClass "shared" $journal.sharedClaim) -}}
{{- range $store := list "postgres" "kafka" -}}
{{- if (get $values $store).inCluster -}}
{{- $_ := set $claims $store (dict "path" "stores" "size" $values.stores.size "class" $values.stores.storageClass "shared" "") -}}
{{- end -}}
{{- end -}}
{{- range $component, $claim := $claims -}}
{{- $name := printf "%s-%s" $fullname $component -}}
{{- with (lookup "apps/v1" "StatefulSet" $.Release.Namespace $name).spec -}}
{{- $told := printf "in the StatefulSet %s, where Kubernetes lets nobody change it. deploy/kubernetes/README.md says what can be done" $name -}}
{{- $called := get .selector.matchLabels "app.kubernetes.io/name" -}}
{{- if ne $called (include "tollgate.name" $) -}}
{{- $faults = append $faults (printf "nameOverride: is %s %s" $called $told) -}}
{{- end -}}
{{- $found := first (default (list dict) .volumeClaimTemplates) -}}
{{- if ne (empty $found) (not (empty $claim.shared)) -}}
{{- $faults = append $faults (printf "%s.sharedClaim: is %s %s" $claim.path (ternary "named" "not named" (empty $found)) $told) -}}
{{- else if $found -}}
{{- if ne (include "tollgate.bytes" $found.spec.resources.requests.storage) (include "tollgate.bytes" $claim.size) -}}
{{- $faults = append $faults (printf "%s.size: is %s %s" $claim.path $found.spec.resources.requests.storage $told) -}}
{{- end -}}
{{- if ne (default "" $found.spec.storageClassName) $claim.class -}}
{{- $faults = append $faults (printf "%s.storageClass: is %q %s" $claim.path (default "" $found.spec.storageClassName) $told) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $faults -}}
{{- fail (printf "the values are not as they must be:\n  %s" (join "\n  " $faults)) -}}
{{- end -}}
{{- end -}}

{{/*
Not empty where the cluster can be looked at. The release's own namespace can be read by whoever may install into it; it is
missing only under --create-namespace, where the user may read others too.
*/}}
{{- define "tollgate.live" -}}
{{- if or (lookup "v1" "Namespace" "" .Release.Namespace) (lookup "v1" "Namespace" "" "default") -}}yes{{- end -}}
{{- end -}}

{{/* A quantity as a number: the API server writes 1.5Gi as 1536Mi. */}}
{{- define "tollgate.bytes" -}}
{{- $unit := regexFind "[A-Za-z]*$" (toString .) -}}
{{- $power := get (dict "k" 1 "M" 2 "G" 3 "T" 4 "P" 5 "E" 6) (trimSuffix "i" $unit | replace "K" "k") | default 0 -}}
{{- $factor := ternary 0.001 1.0 (eq $unit "m") -}}
{{- range until (int $power) -}}{{- $factor = mulf $factor (ternary 1024 1000 (hasSuffix "i" $unit)) -}}{{- end -}}
{{- printf "%.0f" (mulf (float64 (trimSuffix $unit (toString .))) $factor) -}}
{{- end -}}
