// The files that the parts are configured by, made of what the launcher knows. All stand in the run's own directory.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// What must stay the same from one start to the next: who signed in stays signed in, and what is stored is found again.
export function secretsIn(directory) {
  const file = join(directory, "secrets.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const secrets = {
    app: { id: "1001", key: randomBytes(8).toString("hex"), secret: randomBytes(20).toString("hex") },
    laravelKey: `base64:${randomBytes(32).toString("base64")}`,
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

const quoted = (text) => `"${String(text).replace(/[\\"$]/g, "\\$&")}"`;

export function dotEnv({ directory, url, origins, app, laravelKey, parleyPort, more = {} }) {
  const lines = {
    APP_NAME: "Chat",
    APP_ENV: "production",
    APP_KEY: laravelKey,
    APP_DEBUG: "false",
    APP_URL: url,
    APP_SERVICES_CACHE: join(directory, "storage/framework/services.php"),
    APP_PACKAGES_CACHE: join(directory, "storage/framework/packages.php"),
    FRONTEND_URL: origins.join(","),
    AUTO_MIGRATE: "true",
    SEED_PEOPLE: "true",
    DB_DATABASE: join(directory, "chat.sqlite"),
    QUEUE_CONNECTION: "database",
    BROADCAST_DRIVER: "websocket",
    WEBSOCKET_HOST: "127.0.0.1",
    WEBSOCKET_PORT: parleyPort,
    WEBSOCKET_SCHEME: "http",
    PARLEY_APP_ID: app.id,
    PARLEY_APP_KEY: app.key,
    PARLEY_APP_SECRET: app.secret,
    ...more,
  };
  return Object.entries(lines).map(([name, value]) => `${name}=${quoted(value)}\n`).join("");
}

// The text between quotes is the same in TOML and in JSON.
const toml = (value) => JSON.stringify(value);

export function parleyToml({ directory, origins, app, port, url, more = "" }) {
  return `[server]
host = "127.0.0.1"
port = ${port}
trusted_proxies = ["127.0.0.1"]
drain_seconds = 1

[metrics]
port = 0

[data]
dir = ${toml(directory)}

# For pages that do not come through nginx: socket.io-client polls first, from their origin.
[socketio]
cors_origins = ${toml(origins)}
cors_credentials = true

[[apps]]
id = ${toml(app.id)}
name = "The chat example"
key = ${toml(app.key)}
secret = ${toml(app.secret)}
allowed_origins = ${toml(origins)}

# Tells the application who comes and goes: /parley/webhooks of the package for Laravel.
[[webhooks]]
name = "chat"
url = ${toml(`${url}/parley/webhooks`)}
events = ["user_online", "user_away", "user_offline", "member_added", "member_removed"]
retry_pause_max_seconds = 5
${more}`;
}

export function fpmConf({ directory, socket, root, backend }) {
  const asRoot = process.getuid() === 0;
  return `[global]
error_log = ${quoted(join(directory, "storage/logs/php-fpm.log"))}
daemonize = no

[chat]
${asRoot ? "user = root\ngroup = root\n" : ""}listen = ${socket}
listen.mode = 0600
pm = dynamic
pm.max_children = 8
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 4
; A leak in an extension does not add up for ever.
pm.max_requests = 10000
catch_workers_output = yes
decorate_workers_output = no
chdir = ${quoted(root)}
env[APP_ENV_DIRECTORY] = ${quoted(directory)}
env[LARAVEL_STORAGE_PATH] = ${quoted(join(directory, "storage"))}
php_admin_value[error_log] = ${quoted(join(directory, "storage/logs/php.log"))}
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
; An error in the sources is seen at once: nobody deploys here.
php_admin_value[opcache.revalidate_freq] = 0
`;
}

export function nginxConf({ directory, pid, site }) {
  const asRoot = process.getuid() === 0;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${quoted(join(directory, kind))};\n`).join("");
  return `daemon off;
pid ${quoted(pid)};
error_log stderr warn;
worker_processes 1;
${asRoot ? "user root;\n" : ""}events { worker_connections 4096; }
http {
  access_log off;
  default_type application/octet-stream;
${temporary}  include ${quoted(site)};
}
`;
}

// Fills in ${NAME} in nginx' template; one that nobody said is a mistake.
export function filled(template, values) {
  return template.replace(/\$\{(CHAT_[A-Z]+)\}/g, (whole, name) => {
    if (values[name] === undefined) throw new Error(`the template of nginx names ${whole}, which is not known`);
    return values[name];
  });
}
