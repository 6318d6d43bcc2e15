{{- define "adoption-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "adoption-exporter.fullname" -}}
{{- $name := include "adoption-exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "adoption-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "adoption-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "adoption-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "adoption-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "adoption-exporter.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "adoption-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "adoption-exporter.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* The URL of the state in the configuration, empty where it has none: the exporter then has a file in its folder. */ -}}
{{- define "adoption-exporter.stateUrl" -}}
{{- $state := get (.Values.config | fromYaml) "state" -}}
{{- if kindIs "map" $state -}}{{- default "" $state.url | toString -}}{{- end -}}
{{- end -}}

{{- /* Where the state is: `sqlite` or `postgresql`. A variable alone (`${STATE_URL}`) is PostgreSQL, as the path of a file here
is no secret. */ -}}
{{- define "adoption-exporter.state" -}}
{{- $url := include "adoption-exporter.stateUrl" . -}}
{{- or (not $url) (hasPrefix "sqlite:" $url) | ternary "sqlite" "postgresql" -}}
{{- end -}}

{{- /* Stops an installation that cannot work, or that would show a secret in the ConfigMap: what `/config` hides must be a
variable or in a file. */ -}}
{{- define "adoption-exporter.check" -}}
{{- $config := .Values.config | fromYaml -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "config is not the YAML of a mapping: %s" ($config.Error | toString)) -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (eq (include "adoption-exporter.state" .) "sqlite") -}}
{{- fail (printf "replicas is %d, and a SQLite state belongs to one process: set state.url in config to a postgresql:// URL, or replicas to 1" (int .Values.replicas)) -}}
{{- end -}}
{{- if kindIs "map" $config.sources -}}
{{- range $name, $source := $config.sources -}}
{{- if kindIs "map" $source -}}
{{- include "adoption-exporter.checkToken" (list (printf "sources.%s" $name) $source) -}}
{{- range $section, $inner := $source -}}
{{- if kindIs "map" $inner -}}
{{- include "adoption-exporter.checkToken" (list (printf "sources.%s.%s" $name $section) $inner) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if kindIs "map" $config.otlp -}}
{{- range $name, $value := default dict $config.otlp.headers -}}
{{- if not (regexMatch "(^|[^$])\\$\\{[A-Za-z_]" (toString $value)) -}}
{{- fail (printf "otlp.headers.%s in config would be shown in a ConfigMap: use ${VARIABLE} with extraEnv" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $url := include "adoption-exporter.stateUrl" . -}}
{{- if and (regexMatch "^[^:]*://[^:/]*:[^@]*@" $url) (not (regexMatch "^[^:]*://[^:/]*:\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}@" $url)) -}}
{{- fail "the password of state.url in config would be shown in a ConfigMap: leave it out and name a Secret in postgresql.secretName, or use ${VARIABLE} with extraEnv" -}}
{{- end -}}
{{- end -}}

{{- define "adoption-exporter.checkToken" -}}
{{- $mapping := last . -}}
{{- if and (hasKey $mapping "token") (not (regexMatch "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$" (toString $mapping.token))) -}}
{{- fail (printf "%s.token in config would be shown in a ConfigMap: use token_file: /run/secrets/adoption-exporter/KEY with a key of the Secret in tokens.secretName, or ${VARIABLE} with extraEnv" (first .)) -}}
{{- end -}}
{{- end -}}

{{- /* The rules and dashboards are links to the files of the repository, so that there is one of each and none to copy. Helm follows
them when it loads a folder and packs what they lead to. What leaves links out (Flux's archives of a Git source do, 2026-11)
makes a chart without them, which must not pass for one that has none. */ -}}
{{- define "adoption-exporter.missing" -}}
{{- fail (printf "the chart has no %s, which are links out of its folder: install what `helm package` makes of it in a checkout" .) -}}
{{- end -}}

{{- /* The handler of a probe. A kubelet has no password, so where one is wanted the exporter asks itself, with the URL of the
Secret. */ -}}
{{- define "adoption-exporter.probe" -}}
{{- $web := .root.Values.web -}}
{{- if and $web.secretName $web.basicAuth -}}
exec: {command: [adoption-exporter, healthcheck, --insecure]}
{{- else -}}
httpGet: {path: {{ .path }}, port: metrics{{ if and $web.secretName $web.tls }}, scheme: HTTPS{{ end }}}
{{- end }}
{{- /* A second is the default of a kubelet, and too short for a program that starts. */}}
{{- with ternary (merge (dict) .timing (dict "timeoutSeconds" 10)) .timing (and (not (empty $web.secretName)) $web.basicAuth) }}
{{ toYaml . }}
{{- end }}
{{- end -}}
