{{- define "weir.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "weir.selector" -}}
app.kubernetes.io/name: weir
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "weir.labels" -}}
{{ include "weir.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "weir.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "weir.configFile" -}}
{{ if .Values.config }}/etc/weir/weir.yaml{{ else }}/opt/weir/configs/handbook.yaml{{ end }}
{{- end }}

{{/* What this deployment knows better than any file; `settings` of the user go last and win. */}}
{{- define "weir.settings" -}}
instance.id: $(WEIR_INSTANCE)
kafka.brokers: {{ .Values.kafka.brokers | quote }}
kafka.group_id: {{ .Values.kafka.groupId | quote }}
workers: {{ .Values.workers }}
state.dir: /var/lib/weir/state
admin.listen: "0.0.0.0:{{ .Values.metrics.port }}"
{{- if .Values.console.enabled }}
console.listen: "0.0.0.0:{{ .Values.console.port }}"
{{- end }}
topics.partitions: {{ .Values.partitions }}
{{- if ne .Values.kafka.securityProtocol "PLAINTEXT" }}
kafka.properties.security.protocol: {{ .Values.kafka.securityProtocol }}
{{- end }}
{{- if hasPrefix "SASL" .Values.kafka.securityProtocol }}
kafka.properties.sasl.mechanism: {{ .Values.kafka.sasl.mechanism }}
kafka.properties.sasl.username: {{ .Values.kafka.sasl.username | quote }}
kafka.properties.sasl.password_file: /run/secrets/weir/kafka-password
{{- end }}
{{- if .Values.kafka.caSecret }}
kafka.properties.ssl.ca.location: /run/secrets/weir/ca.crt
{{- end }}
{{- end }}

{{/* A duration of Weir's configuration in seconds. */}}
{{- define "weir.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "ms" . }}{{ div $number 1000 }}
{{- else if hasSuffix "m" . }}{{ mul $number 60 }}
{{- else if hasSuffix "h" . }}{{ mul $number 3600 }}
{{- else }}{{ $number }}{{ end }}
{{- end }}

{{/* What no schema can say: how values must fit each other. */}}
{{- define "weir.check" -}}
{{- $timeout := include "weir.seconds" (get .Values.settings "shutdown.timeout" | default "10s" | toString) | int }}
{{- if le (int .Values.terminationGracePeriodSeconds) $timeout }}
{{- fail (printf "terminationGracePeriodSeconds (%d) must be longer than settings.shutdown.timeout (%d s): Kubernetes would kill Weir while it commits" (int .Values.terminationGracePeriodSeconds) $timeout) }}
{{- end }}
{{- if and (hasPrefix "SASL" .Values.kafka.securityProtocol) (or (not .Values.kafka.sasl.username) (not .Values.kafka.sasl.passwordSecret.name)) }}
{{- fail (printf "kafka.securityProtocol %s needs kafka.sasl.username and kafka.sasl.passwordSecret.name" .Values.kafka.securityProtocol) }}
{{- end }}
{{- range list "instance.id" "state.dir" "admin.listen" "console.listen" "kafka.brokers" "kafka.group_id" "workers" "topics.partitions" }}
{{- if hasKey $.Values.settings . }}{{ fail (printf "settings.%s: the chart sets this key; use the value of its own" .) }}{{ end }}
{{- end }}
{{- range $key, $_ := .Values.settings }}
{{- if regexMatch "(password|secret|\\.key)$" $key }}{{ fail (printf "settings.%s would be readable in the pod; give the file instead: %s_file" $key $key) }}{{ end }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (mul (int .Values.autoscaling.maxReplicas) (int .Values.workers)) (int .Values.partitions)) }}
{{- fail (printf "autoscaling.maxReplicas (%d) times workers (%d) is more than partitions (%d): the last ones would have nothing to do" (int .Values.autoscaling.maxReplicas) (int .Values.workers) (int .Values.partitions)) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) }}
{{- fail "autoscaling.maxReplicas must be at least autoscaling.minReplicas" }}
{{- end }}
{{- end }}

{{/* Allowed, and worth saying: in the notes, and as an annotation for those who deploy without reading notes. */}}
{{- define "weir.warning" -}}
{{- $spare := sub (mul (int .Values.replicas) (int .Values.workers)) (int .Values.partitions) | int }}
{{- if and (gt $spare 0) (not .Values.autoscaling.enabled) -}}
{{ .Values.replicas }} replicas of {{ .Values.workers }} worker(s) on {{ .Values.partitions }} partitions: {{ $spare }} worker(s) have nothing to do
{{- end }}
{{- end }}
