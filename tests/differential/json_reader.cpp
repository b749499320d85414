// What core/json_text.h makes of texts, for json.js to compare. In: for each text its size in four bytes,
// little-endian, then its bytes. Out: one line for each,
//
//   refused
//   ok <TAB> the value, read and written again <TAB> the same with every string as the server's own text <TAB>
//     the text sent as a string of data and escaped again
//
// Everything that follows `ok` is JSON and so has no tab and no line end.

#include "core/json_string.h"
#include "core/json_text.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

using namespace parley;

namespace {

enum class As { data, text };

std::string string_of(std::string_view value, As as) { return as == As::data ? json_data(value) : json_string(value); }

// As deep as the texts are that json.js makes, a thousand levels at most.
void rewrite(std::string& out, std::string_view value, As as) {
  switch (type_of(value)) {
    case JsonType::object: {
      out.push_back('{');
      for (JsonObject fields(value); fields.next();) {
        if (out.back() != '{') out.push_back(',');
        const auto name = as == As::data ? fields.name() : fields.key();
        append_json_string(out, name);
        out.push_back(':');
        rewrite(out, fields.value(), as);
      }
      out.push_back('}');
      return;
    }
    case JsonType::array: {
      out.push_back('[');
      for (JsonArray items(value); items.next();) {
        if (out.back() != '[') out.push_back(',');
        rewrite(out, items.value(), as);
      }
      out.push_back(']');
      return;
    }
    case JsonType::string:
      return append_json_string(out, string_of(value, as));
    default:
      out.append(value);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::size_t depth_max = std::strtoul(argv[1], nullptr, 10);
  std::ios::sync_with_stdio(false);
  std::string text;
  for (unsigned char head[4]; std::cin.read(reinterpret_cast<char*>(head), 4);) {
    text.resize(head[0] | head[1] << 8 | head[2] << 16 | static_cast<std::size_t>(head[3]) << 24);
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(text.size()))) return 2;
    if (!check_json(text, depth_max)) {
      std::cout << "refused\n";
      continue;
    }
    const auto start = text.find_first_not_of(" \t\r\n");
    const auto value = std::string_view(text).substr(start, text.find_last_not_of(" \t\r\n") + 1 - start);
    std::string line = "ok\t";
    rewrite(line, value, As::data);
    line.push_back('\t');
    rewrite(line, value, As::text);
    line.push_back('\t');
    // A text that stands in a string is passed on as the JSON that it is, or as the text.
    const auto inner = type_of(value) == JsonType::string ? json_data(value) : text;
    std::string as_json;
    if (!append_if_json(as_json, inner, depth_max)) append_json_string(as_json, inner);
    append_json_string(line, as_json);
    std::cout << line << '\n';
  }
  return 0;
}
