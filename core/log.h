#pragma once
// Structured logs: one event, some fields, one line (text or JSON). Thread-safe. Never logs secrets
// or payloads: callers pass names, sizes and reasons.
//
//   log_info("listening", {{"address", address}, {"port", port}});

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace parley {

enum class LogLevel { debug, info, warn, error, off };
enum class LogFormat { text, json };

struct LogField {
  std::string_view key;
  std::string value;
  bool number = false;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <class N>
  requires std::is_arithmetic_v<N> LogField(std::string_view k, N v)
      : key(k), value(fmt::format("{}", v)), number(true) {}
};
using LogFields = std::initializer_list<LogField>;

void configure_log(LogLevel level, LogFormat format);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view event, LogFields fields);

inline void log_debug(std::string_view event, LogFields fields = {}) {
  if (log_enabled(LogLevel::debug)) log(LogLevel::debug, event, fields);
}
inline void log_info(std::string_view event, LogFields fields = {}) { log(LogLevel::info, event, fields); }
inline void log_warn(std::string_view event, LogFields fields = {}) { log(LogLevel::warn, event, fields); }
inline void log_error(std::string_view event, LogFields fields = {}) { log(LogLevel::error, event, fields); }

}  // namespace parley
