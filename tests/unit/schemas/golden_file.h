#pragma once
// Bytes that a release wrote, as hex in golden/. A file changes only together with a note in schemas/README.md;
// UPDATE=1 records new ones.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace parley::testing {

inline std::string to_hex(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
    text += i % 16 == 15 || i + 1 == bytes.size() ? '\n' : ' ';
  }
  return text;
}

inline std::string from_hex(const std::string& text) {
  std::string bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(__FILE__).parent_path() / "golden" / (name + ".hex");
}

inline std::string golden_text(const std::string& name) {
  std::ifstream file(golden_path(name));
  EXPECT_TRUE(file.good()) << name;
  return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
}

// Compares with the file, and gives back what the file says.
inline std::string golden(const std::string& name, const std::string& bytes) {
  if (std::getenv("UPDATE") != nullptr) std::ofstream(golden_path(name)) << to_hex(bytes);
  const auto text = golden_text(name);
  EXPECT_EQ(text, to_hex(bytes)) << name;
  return from_hex(text);
}

}  // namespace parley::testing
