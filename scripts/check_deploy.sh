#!/usr/bin/env bash
# check_deploy.sh PARLEY: are the files of deploy/, and the chat example's for nginx, what nginx, Prometheus, systemd and Parley accept?
# Prints one TAP line a check and a summary.
set -uo pipefail
parley=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
passed=0
failed=0
skipped=0
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap cleanup EXIT

check() {  # check NAME command…; one that answers 77 was skipped, and its last line says why
  local name=$1 code=0
  shift
  "$@" >"$work/out" 2>&1 || code=$?
  if [[ $code -eq 0 ]]; then
    passed=$((passed + 1))
    echo "ok - $name"
  elif [[ $code -eq 77 ]]; then
    skipped=$((skipped + 1))
    echo "ok - $name # SKIP $(tail -n 1 "$work/out")"
  else
    failed=$((failed + 1))
    echo "not ok - $name"
    sed 's/^/#   /' "$work/out"
  fi
}

nginx_accepts() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ws.example.com -keyout "$work/key.pem" -out "$work/cert.pem" || return 1
  sed -e "s#/etc/ssl/certs/ws.example.com.pem#$work/cert.pem#; s#/etc/ssl/private/ws.example.com.key#$work/key.pem#" \
    deploy/nginx/parley.conf >"$work/parley.conf"
  nginx_accepts_site
}

# The template of the chat, filled in as for containers: addresses instead of sockets.
nginx_accepts_chat() {
  sed -e 's#${CHAT_LISTEN}#80#; s#${CHAT_PARLEY}#127.0.0.1:6001#; s#${CHAT_PHP}#127.0.0.1:9000#; s#${CHAT_BACKEND}#/srv/chat backend#; s#${CHAT_FRONTEND}#127.0.0.1:3000#' \
    examples/chat/nginx/chat.conf.template >"$work/parley.conf"
  ! grep -n '^[^#]*${' "$work/parley.conf" && nginx_accepts_site
}

nginx_accepts_site() {
  cat >"$work/nginx.conf" <<CONF
pid $work/nginx.pid;
error_log stderr;
events {}
http { access_log off; client_body_temp_path $work; proxy_temp_path $work; include $work/parley.conf; }
CONF
  PATH=$PATH:/usr/sbin nginx -t -p "$work" -c "$work/nginx.conf" -g "error_log stderr;"
}

rules_name_real_metrics() {
  local bad=0 name base
  for name in $(grep -oE 'parley_[a-z_]+' deploy/prometheus/parley.rules.yml | sort -u); do
    base=${name%_bucket}
    grep -q "\"$base\"" core/metrics.cpp || { echo "$name is not in core/metrics.cpp"; bad=1; }
  done
  return $bad
}

# Also starts a node: its metrics must be what promtool calls well-formed.
metrics_are_clean() {
  "$parley" serve --dev --port 0 --metrics-port 0 --data-dir "$work/data" >"$work/ready" 2>"$work/log" &
  pids+=($!)
  local url='' tries=0
  while [[ -z $url ]]; do
    kill -0 "${pids[-1]}" 2>/dev/null || { cat "$work/log"; return 1; }
    url=$(sed -n 's/^parley ready .* metrics=\(http:[^ ]*\)$/\1/p' "$work/ready")
    tries=$((tries + 1))
    [[ $tries -lt 600 ]] || { echo "not ready"; cat "$work/log"; return 1; }
    read -rt 0.1 <> <(:) || true  # a tenth of a second; the loop ends by the ready line, not by this
  done
  curl -fsS "$url/metrics" >"$work/metrics" && promtool check metrics <"$work/metrics"
}

unit_is_accepted() {
  command -v systemd-analyze >/dev/null || { echo "systemd is not installed"; return 77; }
  sed "s#/usr/bin/parley#$parley#" deploy/systemd/parley.service >"$work/parley.service"
  systemd-analyze verify "$work/parley.service" 2>&1 | grep -v '^$' | grep "$work/parley.service" && return 1
  return 0
}

secret_is_refused() {
  local text code=0
  text=$(env -i "$parley" check --config deploy/parley.example.toml 2>&1) || code=$?
  printf '%s\n' "$text"
  [[ $code -eq 1 && $text == *"apps[0].secret: this secret is a well-known example"* && $text == *"1 mistake in"* ]]
}

check "nginx accepts deploy/nginx/parley.conf" nginx_accepts
check "nginx accepts the template of the chat example" nginx_accepts_chat
check "promtool accepts the scrape configuration" promtool check config deploy/prometheus/prometheus.yml
check "promtool accepts the alerts" promtool check rules deploy/prometheus/parley.rules.yml
check "the alerts fire and rest when they should" promtool test rules deploy/prometheus/parley.rules.test.yml
check "the alerts name metrics that exist" rules_name_real_metrics
check "systemd accepts deploy/systemd/parley.service" unit_is_accepted
check "the example configuration has no mistake but its secret" env PARLEY_APP_ID=4711 PARLEY_APP_KEY=4f0c8a1d2b7e9c63 \
  PARLEY_APP_SECRET="$(openssl rand -hex 20)" "$parley" check --config deploy/parley.example.toml
check "the example's secret is refused" secret_is_refused
check "a running node's metrics are well-formed" metrics_are_clean
echo "# pass $passed"
echo "# fail $failed"
echo "# skip $skipped"
[[ $failed -eq 0 ]]
