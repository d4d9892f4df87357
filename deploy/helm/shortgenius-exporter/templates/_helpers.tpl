{{- define "shortgenius-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters: a StatefulSet's pods add a dash and up to ten more. */}}
{{- define "shortgenius-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "shortgenius-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "shortgenius-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shortgenius-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "shortgenius-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "shortgenius-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "shortgenius-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "shortgenius-exporter.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The exporter's file, each account with the path of its key. */}}
{{- define "shortgenius-exporter.config" -}}
{{- $accounts := list }}
{{- range .Values.accounts }}
{{- $entry := default .name .secretKey }}
{{- if not (regexMatch "^[-._a-zA-Z0-9]+$" $entry) }}
{{- fail (printf "accounts: %q cannot name an entry of a Secret: give the account a secretKey of letters, digits, - _ ." $entry) }}
{{- end }}
{{- $file := printf "/etc/shortgenius-exporter/keys/%s" $entry }}
{{- $accounts = append $accounts (merge (dict "api_key_file" $file) (omit . "secretKey")) }}
{{- end }}
{{- $config := dict "accounts" $accounts }}
{{- with .Values.defaults }}{{ $_ := set $config "defaults" . }}{{ end }}
{{- with .Values.limits }}{{ $_ := set $config "limits" . }}{{ end }}
{{- toYaml $config }}
{{- end }}

{{- define "shortgenius-exporter.makesConfig" -}}
{{- if not (or .Values.existingConfigMap .Values.configFile) }}true{{ end }}
{{- end }}

{{/* What is wrong with the values beyond what their schema can say. */}}
{{- define "shortgenius-exporter.validate" -}}
{{- if include "shortgenius-exporter.makesConfig" . }}
{{- if not .Values.accounts }}
{{- fail "accounts: name at least one, or give existingConfigMap or configFile" }}
{{- end }}
{{- if not (or .Values.keys.existingSecrets .Values.keys.inline) }}
{{- fail "keys: name the Secrets in keys.existingSecrets, or give keys.inline" }}
{{- end }}
{{- else if .Values.accounts }}
{{- fail "accounts: they come from existingConfigMap or configFile already; give one of the three" }}
{{- end }}
{{- if and .Values.persistence.existingClaim (gt (int .Values.shards) 1) }}
{{- fail "persistence.existingClaim: every shard needs a volume of its own; leave it empty" }}
{{- end }}
{{- end }}

{{- define "shortgenius-exporter.pod" -}}
metadata:
  labels:
    {{- include "shortgenius-exporter.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $made := include "shortgenius-exporter.makesConfig" . }}
  {{- if or $made .Values.podAnnotations }}
  annotations:
    {{- if $made }}
    # A changed file replaces the pods. Changed keys are seen without that.
    checksum/config: {{ include "shortgenius-exporter.config" . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "shortgenius-exporter.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 10
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "shortgenius-exporter.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - --config.file={{ default "/etc/shortgenius-exporter/config/exporter.yml" .Values.configFile }}
        - --web.listen-address=:10217
        - --log.level={{ .Values.log.level }}
        - --log.format={{ .Values.log.format }}
        {{- if .Values.web.configSecret }}
        - --web.config.file=/etc/shortgenius-exporter/web/web-config.yml
        {{- end }}
        {{- if .Values.web.enableLifecycle }}
        - --web.enable-lifecycle
        {{- end }}
        {{- if .Values.persistence.enabled }}
        - --state.file=/var/lib/shortgenius-exporter/state.db
        {{- end }}
        {{- if gt (int .Values.shards) 1 }}
        - --shard=$(POD_NAME)
        - --total-shards={{ .Values.shards }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or (gt (int .Values.shards) 1) .Values.extraEnv }}
      env:
        {{- if gt (int .Values.shards) 1 }}
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: 10217
      livenessProbe:
        httpGet: {path: /-/healthy, port: metrics, scheme: {{ upper .Values.web.scheme }}}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet: {path: /-/ready, port: metrics, scheme: {{ upper .Values.web.scheme }}}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        {{- if not .Values.configFile }}
        - {name: config, mountPath: /etc/shortgenius-exporter/config, readOnly: true}
        {{- end }}
        {{- if or .Values.keys.existingSecrets .Values.keys.inline }}
        - {name: keys, mountPath: /etc/shortgenius-exporter/keys, readOnly: true}
        {{- end }}
        {{- if .Values.web.configSecret }}
        - {name: web, mountPath: /etc/shortgenius-exporter/web, readOnly: true}
        {{- end }}
        {{- if .Values.persistence.enabled }}
        - {name: state, mountPath: /var/lib/shortgenius-exporter}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if not .Values.configFile }}
    - name: config
      configMap: {name: {{ default (include "shortgenius-exporter.fullname" .) .Values.existingConfigMap }}}
    {{- end }}
    {{- if or .Values.keys.existingSecrets .Values.keys.inline }}
    - name: keys
      projected:
        defaultMode: 0440
        sources:
          {{- if .Values.keys.inline }}
          - secret: {name: {{ include "shortgenius-exporter.fullname" . }}}
          {{- end }}
          {{- range .Values.keys.existingSecrets }}
          - secret: {name: {{ . }}}
          {{- end }}
    {{- end }}
    {{- if .Values.web.configSecret }}
    - name: web
      secret: {secretName: {{ .Values.web.configSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if and .Values.persistence.enabled (le (int .Values.shards) 1) }}
    - name: state
      persistentVolumeClaim:
        claimName: {{ default (include "shortgenius-exporter.fullname" .) .Values.persistence.existingClaim }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "shortgenius-exporter.claim" -}}
accessModes: [ReadWriteOnce]
resources:
  requests:
    storage: {{ .Values.persistence.size }}
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
{{- end }}

{{/* One endpoint of a ServiceMonitor or PodMonitor; takes the root and the monitor's values. */}}
{{- define "shortgenius-exporter.endpoint" -}}
{{- $monitor := .monitor -}}
port: metrics
scheme: {{ .root.Values.web.scheme }}
interval: {{ $monitor.interval }}
scrapeTimeout: {{ $monitor.scrapeTimeout }}
{{- range $field := list "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
{{- with get $monitor $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
