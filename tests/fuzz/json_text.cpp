// The reader of JSON by itself: what it accepts is walked without leaving the text, and read and written again it is
// the same value.

#include "core/json_text.h"
#include "core/check.h"
#include "core/json_string.h"

#include <cstdint>

using namespace parley;

namespace {

constexpr std::size_t kDepthMax = 200;

void rewrite(std::string& out, std::string_view whole, std::string_view value) {
  CHECK(value.data() >= whole.data() && value.data() + value.size() <= whole.data() + whole.size());
  switch (type_of(value)) {
    case JsonType::object:
      out.push_back('{');
      for (JsonObject fields(value); fields.next();) {
        if (out.back() != '{') out.push_back(',');
        append_json_string(out, fields.name());
        out.push_back(':');
        rewrite(out, whole, fields.value());
      }
      return out.push_back('}');
    case JsonType::array:
      out.push_back('[');
      for (JsonArray items(value); items.next();) {
        if (out.back() != '[') out.push_back(',');
        rewrite(out, whole, items.value());
      }
      return out.push_back(']');
    case JsonType::string:
      return append_json_string(out, json_data(value));
    default:
      out.append(value);
  }
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  std::string passed_on;
  const bool json = check_json(text, kDepthMax).ok();
  CHECK(append_if_json(passed_on, text, kDepthMax) || !json);
  if (!json) return 0;
  CHECK(passed_on == text);
  std::string once;
  rewrite(once, text, trimmed(text));
  CHECK(check_json(once, kDepthMax).ok());
  std::string twice;
  rewrite(twice, once, once);
  CHECK(once == twice);
  if (const auto id = json_id(trimmed(text))) {
    std::string said;
    append_id(said, id->text, id->form);
    CHECK(check_json(said, 1).ok());
  }
  return 0;
}
