// Base64, UTF-16 lengths and JSONP.

#include "core/json_string.h"
#include "core/json_text.h"
#include "core/random.h"
#include "net/auth/http_signature.h"
#include "net/socketio/jsonp.h"
#include "net/socketio/utf16.h"
#include "net/text/base64.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::net::socketio {
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

TEST(Jsonp, WrapsTheBodyAsAString) {
  EXPECT_EQ(wrap_jsonp("2:40", 0), R"(___eio[0]("2:40");)");
  EXPECT_EQ(wrap_jsonp(R"(118:0{"sid":"x"})", 7), R"(___eio[7]("118:0{\"sid\":\"x\"}");)");
  EXPECT_EQ(wrap_jsonp("", 4294967295U), R"(___eio[4294967295]("");)");
  EXPECT_EQ(wrap_jsonp(R"(42["a\nb"])", 0), R"(___eio[0]("42[\"a\\nb\"]");)");
  EXPECT_EQ(wrap_jsonp("42\x1E"
                       "2\n\r",
                       0),
            R"(___eio[0]("42\u001e2\n\r");)");
  EXPECT_EQ(wrap_jsonp("a\u2028b\u2029\u2027â", 0), R"(___eio[0]("a\u2028b\u2029)"
                                                    "\u2027â\");");
  EXPECT_EQ(wrap_jsonp("</script><!--", 0), R"(___eio[0]("\u003c/script>\u003c!--");)");
  EXPECT_EQ(wrap_jsonp("\xE2", 0), "___eio[0](\"\xE2\");");
}

// What engine.io-client's form does to a body: a backslash before each written `\n`, line feeds written as `\n`.
std::string jsonp_form(std::string_view body) {
  std::string escaped;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\' && i + 1 < body.size() && body[i + 1] == 'n') escaped.push_back('\\');
    if (body[i] == '\n') {
      escaped.append("\\n");
    } else {
      escaped.push_back(body[i]);
    }
  }
  return "d=" + percent_encode(escaped);
}

TEST(Jsonp, UnwrapsWhatTheClientPosts) {
  EXPECT_EQ(*unwrap_jsonp_post("d=2%3A40"), "2:40");
  EXPECT_EQ(*unwrap_jsonp_post("d=13%3A42%5B%22h%C3%A9y%22%2C%22%E2%82%AC%22%5D"), R"(13:42["héy","€"])");
  EXPECT_EQ(*unwrap_jsonp_post("d=a+b%2Bc"), "a b+c");
  EXPECT_EQ(*unwrap_jsonp_post("d=5:4\\nx"), "5:4\nx");
  EXPECT_EQ(*unwrap_jsonp_post("d=42[\"a\\\\nb\"]"), "42[\"a\\nb\"]");
  EXPECT_EQ(*unwrap_jsonp_post("d=\\\\\\n"), "\\\\n");
  EXPECT_EQ(*unwrap_jsonp_post("d=\\t\\\\\\"), "\\t\\\\\\") << "other backslashes stay";
  EXPECT_EQ(*unwrap_jsonp_post("d="), "");
  EXPECT_EQ(*unwrap_jsonp_post("x=1&%64=2&y"), "2") << "other fields are passed over";
  EXPECT_EQ(*unwrap_jsonp_post("d=a=b"), "a=b");
  for (const std::string_view form : {"", "d", "x=2:40", "D=1", "dd=1", "d=1&d=2", "d=1&%64=2", "=", "&&&"}) {
    const auto body = unwrap_jsonp_post(form);
    ASSERT_FALSE(body) << form;
    EXPECT_EQ(body.error().code, Errc::bad_frame);
  }
}

TEST(Jsonp, RandomTextComesBack) {
  const auto* given = std::getenv("PARLEY_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : OsRandom().next();
  SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  static const std::vector<std::string> kPieces = {"\\", "\\",     "n",      "\n",     "\r",   "\"", "<",
                                                   "/",  "&",      "=",      "%",      "+",    " ",  "é",
                                                   "😀",  "\u2028", "\u2029", "\u2027", "\x1E", "x"};
  for (int i = 0; i < 2'000; ++i) {
    std::string body;
    for (auto left = random.below(20); left > 0; --left) body.append(kPieces[random.below(kPieces.size())]);
    // A backslash before a line feed would come back as a written `\n`: the client's form cannot say it. No JSON has
    // it.
    if (body.find("\\\n") != std::string::npos) continue;
    ASSERT_EQ(*unwrap_jsonp_post(jsonp_form(body)), body);
    const std::string_view begin = "___eio[3](";
    const std::string_view end = ");";
    const auto script = wrap_jsonp(body, 3);
    ASSERT_TRUE(script.starts_with(begin) && script.ends_with(end));
    const auto quoted = script.substr(begin.size(), script.size() - begin.size() - end.size());
    ASSERT_TRUE(check_json(quoted, 1)) << quoted;
    ASSERT_EQ(json_string(quoted), body);
    ASSERT_EQ(script.find_first_of("<\n\r\x1E"), std::string::npos);
    ASSERT_EQ(script.find("\u2028"), std::string::npos);
    ASSERT_EQ(script.find("\u2029"), std::string::npos);
  }
}

}  // namespace
}  // namespace parley::net::socketio
