#include "net/text/base64.h"

#include "core/random.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using namespace std::string_literals;

TEST(Base64, MatchesTheStandardsVectors) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"},
                                                                    {"\xFB\xEF\xBE\xFF"s, "++++/w=="}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    ASSERT_TRUE(base64_decode(text)) << text;
    EXPECT_EQ(*base64_decode(text), bytes);
    EXPECT_EQ(*base64_decode(text.substr(0, text.find('='))), bytes) << "padding may be missing";
  }
}

TEST(Base64, PassesOverLineBreaks) {
  // As android.util.Base64.DEFAULT writes them: lines of 76 characters, each with its line feed, the last one too.
  const std::string bytes(100, '\x5A');
  auto text = base64_encode(bytes);
  text.insert(76, "\n").push_back('\n');
  EXPECT_EQ(*base64_decode(text), bytes);
  EXPECT_EQ(*base64_decode("Zg\r\n==\r\n"), "f");
  EXPECT_EQ(*base64_decode("\n"), "");
}

TEST(Base64, RefusesWhatItIsNot) {
  for (const std::string_view text :
       {"A",     "AAAAA",    "A===", "=",        "==",       "====",    "Zg=",  "Zg===", "Zm8==",
        "Zm9v=", "Zm9v====", "Z=g=", "Zg==Zg==", "Zg=a",     "Zh==",    "Zm9=", "Zh",    "Zm9",
        "Zm 8=", "Zm\t8=",   "Zm8*", "-_-_",     "Zm9v\x1E", "Zm9\xC3", "%3D"}) {
    const auto decoded = base64_decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, Errc::bad_frame);
  }
  EXPECT_FALSE(base64_decode("Zm9\0"s));
}

}  // namespace
}  // namespace parley::net
