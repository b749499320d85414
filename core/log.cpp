#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

namespace parley {
namespace {

std::atomic<LogFormat> format_now{LogFormat::text};

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("parley");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// What a client chose must not forge a second line.
void append_text_value(std::string& out, std::string_view text) {
  const auto odd = [](unsigned char c) { return c <= ' ' || c == 0x7F || c == '"' || c == '\\' || c == '='; };
  const bool plain = !text.empty() && std::none_of(text.begin(), text.end(), odd);
  if (plain) {
    out.append(text);
  } else {
    append_json_string(out, text);
  }
}

}  // namespace

void configure_log(LogLevel level, LogFormat format) {
  format_now = format;
  logger().set_level(to_spdlog(level));
  logger().set_pattern(format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                                 : "%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v");
}

bool log_enabled(LogLevel level) { return logger().should_log(to_spdlog(level)); }

void log(LogLevel level, std::string_view event, LogFields fields) {
  if (!log_enabled(level)) return;
  std::string line;
  if (format_now == LogFormat::json) {
    line += "\"event\":";
    append_json_string(line, event);
    for (const auto& field : fields) {
      line += ",\"" + std::string(field.key) + "\":";
      if (field.number) {
        line += field.value;
      } else {
        append_json_string(line, field.value);
      }
    }
  } else {
    line += event;
    for (const auto& field : fields) {
      line += ' ' + std::string(field.key) + '=';
      append_text_value(line, field.value);
    }
  }
  logger().log(to_spdlog(level), "{}", line);
}

}  // namespace parley
