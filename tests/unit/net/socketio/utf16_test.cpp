#include "net/socketio/utf16.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::net::socketio {
namespace {

using namespace std::string_literals;

TEST(Utf16, CountsAsJavaScriptDoes) {
  EXPECT_EQ(utf16_units(""), 0U);
  EXPECT_EQ(utf16_units("abcdefghijklmnopq"), 17U);
  EXPECT_EQ(utf16_units("é"), 1U);
  EXPECT_EQ(utf16_units("€"), 1U);
  EXPECT_EQ(utf16_units("😀"), 2U);
  EXPECT_EQ(utf16_units("12345678é9€😀"), 13U);
  EXPECT_EQ(utf16_units("\xED\xA0\x80"), 3U) << "no UTF-8: one each";
  EXPECT_EQ(utf16_units("\xE2\x82"), 2U);
}

TEST(Utf16, FindsTheBytesOfSoManyUnits) {
  const std::string_view text = "aé€😀z";
  const std::vector<std::optional<std::size_t>> bytes = {0, 1, 3, 6, std::nullopt, 10, 11, std::nullopt};
  for (std::size_t units = 0; units < bytes.size(); ++units) EXPECT_EQ(bytes_of_units(text, units), bytes[units]);
  EXPECT_EQ(bytes_of_units("12345678901234567", 16), 16U);
  EXPECT_EQ(bytes_of_units("12345678901234567", 18), std::nullopt);
  EXPECT_EQ(bytes_of_units("", static_cast<std::size_t>(-1)), std::nullopt);
}

TEST(Utf16, KnowsUtf8) {
  for (const std::string_view text : {"", "a", "é", "€", "😀", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF",
                                      "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80", "12345678é"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82", "\xE2(\xAC", "\xE2\x82(",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF", "12345678\xC3", "é\x80"}) {
    EXPECT_FALSE(is_utf8(text)) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace parley::net::socketio
