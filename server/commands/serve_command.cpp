#include "server/commands/serve_command.h"

#include "core/log.h"
#include "server/env.h"
#include "server/node.h"
#include "server/version.h"

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

namespace parley::server {
namespace {

constexpr int kDrained = SIGUSR1;  // tells the impatient thread that it may go

// Blocked in every thread that is started later, so that they reach the one sigwait() below.
sigset_t take_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, kDrained}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// Says so when it does not suffice; nobody opens a hundred thousand demo tabs.
void raise_file_limit(std::size_t connections_max, bool dev) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  constexpr std::size_t kForOurselves = 1'000;  // the store's files, listeners
  if (!dev && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < connections_max + kForOurselves) {
    log_warn("few file descriptors", {{"limit", limit.rlim_cur},
                                      {"connections_max", connections_max},
                                      {"remedy", "raise LimitNOFILE of the service, or lower limits.connections_max"}});
  }
}

void log_mistakes(const std::vector<ConfigMistake>& mistakes) {
  for (const auto& mistake : mistakes) {
    log_error("configuration mistake",
              {{"where", mistake.where}, {"key", mistake.key}, {"what", mistake.what}, {"remedy", mistake.remedy}});
  }
}

// `started`: with what the node was started; keys that need a restart are still as there. `running`: what is in force
// of those that do not.
void reload(const CommandLine& line, Node& node, Config& started, Config& running) {
  auto loaded = load_from_system(line);
  if (!loaded.ok()) {
    log_mistakes(loaded.mistakes);
    log_error("configuration not reloaded", {{"mistakes", loaded.mistakes.size()}});
    node.metrics().config_reloads("refused").add();
    return;
  }
  for (const auto& name : keys_that_need_restart(started, loaded.config)) {
    log_warn("this key needs a restart", {{"key", name}});
  }
  if (const auto status = node.reload(loaded.config); !status) {
    log_error("configuration not reloaded", {{"reason", status.error().message}});
    node.metrics().config_reloads("refused").add();
    return;
  }
  configure_log(loaded.config.log.level, loaded.config.log.format);
  running = loaded.config;
  node.metrics().config_reloads("applied").add();
  log_info("configuration reloaded", {{"apps", loaded.config.settings.apps.size()}});
}

// Ends the process at a second SIGTERM or SIGINT while a drain takes its time on the main thread.
class Impatience {
 public:
  explicit Impatience(const sigset_t& signals) : watcher_([signals] { watch(signals); }) {}
  ~Impatience() {
    pthread_kill(watcher_.native_handle(), kDrained);
    watcher_.join();
  }
  Impatience(const Impatience&) = delete;
  Impatience& operator=(const Impatience&) = delete;

 private:
  static void watch(const sigset_t& signals) {
    for (;;) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0 || signal == SIGHUP) continue;
      if (signal == kDrained) return;
      log_warn("second signal: ending at once");
      _exit(1);  // what was acknowledged is on disk; destructors would only wait
    }
  }

  std::thread watcher_;
};

// Everything the node is told comes from this thread, the one that made it: CAF's actor system keeps
// something of itself in the thread that made it and cannot end in another.
void wait_for_the_end(const CommandLine& line, const sigset_t& signals, Node& node, Config& started) {
  auto running = started;
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || signal == kDrained) continue;
    if (signal == SIGHUP) {
      reload(line, node, started, running);
      continue;
    }
    log_info("draining", {{"signal", signal}, {"seconds", running.server.drain.count()}});
    const Impatience impatience(signals);
    node.drain_and_stop();
    return;
  }
}

}  // namespace

int serve(const CommandLine& line) {
  auto loaded = load_from_system(line);
  if (!loaded.ok()) {
    fmt::print(stderr, "{}", mistakes_text(loaded.mistakes));
    return kExitConfig;
  }
  auto& config = loaded.config;
  configure_log(config.log.level, config.log.format);
  for (const auto& note : loaded.notes) log_warn(note);
  if (!loaded.from_dotenv.empty()) {
    log_info("read from .env", {{"variables", fmt::format("{}", fmt::join(loaded.from_dotenv, ","))}});
  }
  if (!config.server.enabled) {
    log_info("not serving: server.enabled is false", {{"because", loaded.origins["server.enabled"]}});
    return 0;
  }
  if (config.dev) log_warn("--dev: the demo's secret is public, never serve real users with it");
  const auto signals = take_signals();
  raise_file_limit(config.settings.limits.connections_max, config.dev);

  Env env;
  auto started = Node::start(env, config);
  if (!started) {
    log_error("cannot start", {{"reason", started.error().message}, {"remedy", info(started.error().code).remedy}});
    return 1;
  }
  auto& node = **started;
  log_info("started", {{"version", version()}, {"apps", config.settings.apps.size()}, {"data", config.data.dir}});
  const auto fixture = node.conformance_url();
  fmt::print("parley ready http={} metrics={}{}{}\n", node.http_url(), node.metrics_url(),
             fixture.empty() ? "" : " conformance=", fixture);
  std::fflush(stdout);
  wait_for_the_end(line, signals, node, config);
  log_info("stopped");
  return 0;
}

}  // namespace parley::server
