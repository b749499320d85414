#include "net/socketio/jsonp.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "core/random.h"
#include "net/text/query.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::net::socketio {
namespace {

using namespace std::string_literals;

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
