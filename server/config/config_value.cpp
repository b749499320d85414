#include "server/config/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace parley::server {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

Error wrong(std::string message) { return make_error(Errc::config_invalid, std::move(message)); }

template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};
constexpr auto kLogLevels = std::to_array<Word<LogLevel>>({{"debug", LogLevel::debug},
                                                           {"info", LogLevel::info},
                                                           {"warn", LogLevel::warn},
                                                           {"error", LogLevel::error},
                                                           {"off", LogLevel::off}});
constexpr auto kLogFormats = std::to_array<Word<LogFormat>>({{"text", LogFormat::text}, {"json", LogFormat::json}});
constexpr auto kDurabilities = std::to_array<Word<Durability>>(
    {{"none", Durability::none}, {"async", Durability::async}, {"quorum", Durability::quorum}});
// The first of each value is the one that is printed; the others are how files of earlier releases say it.
constexpr auto kReplayRefusals = std::to_array<Word<ReplayRefusal>>({{"later", ReplayRefusal::later},
                                                                     {"always", ReplayRefusal::always},
                                                                     {"never", ReplayRefusal::never},
                                                                     {"true", ReplayRefusal::always},
                                                                     {"false", ReplayRefusal::never}});

constexpr std::span<const Word<LogLevel>> words(LogLevel) { return kLogLevels; }
constexpr std::span<const Word<LogFormat>> words(LogFormat) { return kLogFormats; }
constexpr std::span<const Word<Durability>> words(Durability) { return kDurabilities; }
constexpr std::span<const Word<ReplayRefusal>> words(ReplayRefusal) { return kReplayRefusals; }

template <class Enum>
Status assign_word(Enum* to, std::string_view text) {
  std::string allowed;
  for (const auto& word : words(Enum{})) {
    if (word.text == text) {
      *to = word.value;
      return {};
    }
    allowed += fmt::format("{}`{}`", allowed.empty() ? "" : ", ", word.text);
  }
  return wrong(fmt::format("`{}` is not one of {}", text, allowed));
}

template <class Enum>
std::string_view word_of(Enum value) {
  for (const auto& word : words(Enum{})) {
    if (word.value == value) return word.text;
  }
  return "";
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

template <class Number>
Status assign_number(Number* to, std::int64_t number, Range range) {
  const auto type_max = std::numeric_limits<Number>::max();
  const auto max = std::cmp_less(type_max, range.max) ? static_cast<std::int64_t>(type_max) : range.max;
  if (number < range.min || number > max) {
    if (max == std::numeric_limits<std::int64_t>::max()) {
      return wrong(fmt::format("{} is too small: at least {}", number, range.min));
    }
    return wrong(fmt::format("{} is out of range: {} to {}", number, range.min, max));
  }
  *to = static_cast<Number>(number);
  return {};
}

template <class Duration>
constexpr std::int64_t unit_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Duration(1)).count();
}

template <class Duration>
Status assign_duration_ms(Duration* to, std::int64_t ms, Range range) {
  if (ms % unit_ms<Duration>() != 0) return wrong("give whole seconds here");
  const auto count = ms / unit_ms<Duration>();
  if (count < range.min || count > range.max) {
    const auto* unit = unit_ms<Duration>() == 1 ? "ms" : "s";
    if (range.max == std::numeric_limits<std::int64_t>::max()) {
      return wrong(fmt::format("{}{} is too short: at least {}{}", count, unit, range.min, unit));
    }
    return wrong(fmt::format("{}{} is out of range: {}{} to {}{}", count, unit, range.min, unit, range.max, unit));
  }
  *to = Duration(count);
  return {};
}

template <class Duration>
Status assign_duration_text(Duration* to, std::string_view text, Range range) {
  const auto ms = parse_duration_ms(text, unit_ms<Duration>());
  return ms ? assign_duration_ms(to, *ms, range) : Status(ms.error());
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Status assign_list(std::vector<std::string>* to, std::string_view text) {
  to->clear();
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (const auto item = trimmed(text.substr(0, comma)); !item.empty()) to->emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

Status assign_flag(bool* to, std::string_view text) {
  for (const std::string_view yes : {"true", "1", "yes", "on"}) {
    if (text == yes) return *to = true, Status{};
  }
  for (const std::string_view no : {"false", "0", "no", "off"}) {
    if (text == no) return *to = false, Status{};
  }
  return wrong(fmt::format("`{}` is neither `true` nor `false`", text));
}

std::string_view type_of(const ConfigValue& value) {
  static constexpr std::array<std::string_view, 5> kNames{"a boolean", "an integer", "a decimal number", "text",
                                                          "a list"};
  return kNames.at(value.index());
}

Status type_mistake(Slot slot, const ConfigValue& value) {
  return wrong(fmt::format("expected {}, found {}", slot_type(slot), type_of(value)));
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text, std::int64_t unit_ms) {
  const auto end = text.find_first_not_of("0123456789_");
  const auto number = whole_number(text.substr(0, end));
  const auto unit = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  std::int64_t factor = 0;
  if (unit.empty()) factor = unit_ms;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1'000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  constexpr std::int64_t kLongest = std::int64_t{100} * 366 * 86'400'000;  // a century
  if (!number || factor == 0) {
    return wrong(fmt::format("`{}` is not a duration: write 90, \"90s\", \"1500ms\", \"5m\", \"2h\" or \"30d\"", text));
  }
  if (*number > kLongest / factor) return wrong(fmt::format("`{}` is longer than a century", text));
  return *number * factor;
}

Status assign_text(Slot slot, std::string_view raw, Range range) {
  const auto text = trimmed(raw);
  return std::visit(Overload{
                        [&](std::string* to) { return to->assign(raw), Status{}; },
                        [&](bool* to) { return assign_flag(to, text); },
                        [&](ReplayRefusal* to) {
                          bool flag = false;
                          const bool is_flag = assign_flag(&flag, text).ok();
                          return assign_word(to, is_flag ? (flag ? "true" : "false") : text);
                        },
                        [&](std::vector<std::string>* to) { return assign_list(to, text); },
                        [&](std::chrono::seconds* to) { return assign_duration_text(to, text, range); },
                        [&](std::chrono::milliseconds* to) { return assign_duration_text(to, text, range); },
                        [&]<class T>(T* to) {
                          if constexpr (std::is_enum_v<T>) {
                            return assign_word(to, text);
                          } else {
                            const auto number = whole_number(text);
                            if (!number) return Status(wrong(fmt::format("`{}` is not a whole number", text)));
                            return assign_number(to, *number, range);
                          }
                        },
                    },
                    slot);
}

Status assign(Slot slot, const ConfigValue& value, Range range) {
  return std::visit(
      Overload{
          [&](std::string* to, const std::string& text) { return to->assign(text), Status{}; },
          [&](bool* to, bool flag) { return *to = flag, Status{}; },
          // It was a flag once: `true` refused every repetition, and still does.
          [&](ReplayRefusal* to, bool flag) { return assign_word(to, flag ? "true" : "false"); },
          [&](std::vector<std::string>* to, const std::vector<std::string>& list) { return *to = list, Status{}; },
          [&](std::chrono::seconds* to, const std::string& text) { return assign_duration_text(to, text, range); },
          [&](std::chrono::milliseconds* to, const std::string& text) { return assign_duration_text(to, text, range); },
          [&](std::chrono::seconds* to, std::int64_t n) { return assign_duration_text(to, std::to_string(n), range); },
          [&](std::chrono::milliseconds* to, std::int64_t n) {
            return assign_duration_text(to, std::to_string(n), range);
          },
          [&]<class T, class V>(T* to, const V& given) {
            if constexpr (std::is_enum_v<T> && std::is_same_v<V, std::string>) {
              return assign_word(to, given);
            } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool> && std::is_same_v<V, std::int64_t>) {
              return assign_number(to, given, range);
            } else {
              static_cast<void>(to);
              return type_mistake(slot, value);
            }
          },
      },
      slot, value);
}

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out + '"';
}

std::string slot_toml(Slot slot) {
  return std::visit(Overload{
                        [](std::string* text) { return toml_quote(*text); },
                        [](bool* flag) { return std::string(*flag ? "true" : "false"); },
                        [](std::chrono::seconds* duration) { return fmt::format("{}", duration->count()); },
                        [](std::chrono::milliseconds* duration) { return fmt::format("{}", duration->count()); },
                        [](std::vector<std::string>* list) {
                          std::string out = "[";
                          for (const auto& item : *list) out += (out.size() > 1 ? ", " : "") + toml_quote(item);
                          return out + "]";
                        },
                        []<class T>(T* value) {
                          if constexpr (std::is_enum_v<T>) {
                            return toml_quote(word_of(*value));
                          } else {
                            return fmt::format("{}", *value);
                          }
                        },
                    },
                    slot);
}

std::string_view slot_type(Slot slot) {
  return std::visit(Overload{
                        [](std::string*) { return std::string_view("text"); },
                        [](bool*) { return std::string_view("true or false"); },
                        [](std::chrono::seconds*) { return std::string_view("seconds"); },
                        [](std::chrono::milliseconds*) { return std::string_view("milliseconds"); },
                        [](std::vector<std::string>*) { return std::string_view("a list of texts"); },
                        [](LogLevel*) { return std::string_view("`debug`, `info`, `warn`, `error` or `off`"); },
                        [](LogFormat*) { return std::string_view("`text` or `json`"); },
                        [](Durability*) { return std::string_view("`none`, `async` or `quorum`"); },
                        [](ReplayRefusal*) { return std::string_view("`later`, `always` or `never`"); },
                        []<class T>(T*) { return std::string_view("a whole number"); },
                    },
                    slot);
}

}  // namespace parley::server
