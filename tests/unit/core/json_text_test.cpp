#include "core/json_text.h"
#include "core/json_string.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace parley {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(JsonText, EscapesWhatMustBeAndNothingElse) {
  EXPECT_EQ(escaped("plain text of some length"), "plain text of some length");
  EXPECT_EQ(escaped("a\"b\\c/d"), "a\\\"b\\\\c/d");
  EXPECT_EQ(escaped(std::string_view("\0\x01\x1F\n\r\t\b\f\x7F", 9)), "\\u0000\\u0001\\u001f\\n\\r\\t\\b\\f\x7F");
  EXPECT_EQ(escaped("ä€😀"), "ä€😀");
}

// Eight bytes are judged at a time: a special byte must be found at each place and beside each other.
TEST(JsonText, EscapesAtEveryPlaceOfAWord) {
  for (const char special : {'"', '\\', '\n', '\x00', '\x1F'}) {
    for (std::size_t place = 0; place < 40; ++place) {
      for (const char filler : {'a', '\x20', '\x21', '\x23', '\x5B', '\x5D', '\x7F', '\xFF'}) {
        std::string text(40, filler);
        text[place] = special;
        std::string one;
        append_escaped(one, std::string_view(&special, 1));
        EXPECT_EQ(escaped(text), std::string(place, filler) + one + std::string(39 - place, filler));
      }
    }
  }
}

TEST(JsonText, EscapedTwiceIsEscapedOfEscaped) {
  for (const std::string_view text : {"", "plain", "a\"b", "\\", "\n\"\\ä"}) {
    std::string twice;
    append_escaped_twice(twice, text);
    EXPECT_EQ(twice, escaped(escaped(text)));
  }
}

TEST(JsonText, ReadsBackWhatItEscapes) {
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all.push_back(static_cast<char>(byte));
  all += "äöü€😀";
  std::string quoted;
  append_json_string(quoted, all);
  ASSERT_TRUE(check_json(quoted, 32));
  EXPECT_EQ(json_string(quoted), all);
  EXPECT_EQ(boost::json::parse(quoted).as_string(), all);
  EXPECT_EQ(json_string(R"("\u00e4\u20AC\ud83d\ude00\/")"), "ä€😀/");
}

TEST(JsonText, RefusesWhatIsNotJson) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "{",
                                     "}",
                                     "[1,]",
                                     "{\"a\":}",
                                     "{\"a\" 1}",
                                     "{a:1}",
                                     "'a'",
                                     "nul",
                                     "01",
                                     "1.",
                                     "+1",
                                     "\"\t\"",
                                     "\"\\x\"",
                                     "\"\\u12\"",
                                     "[1] [2]",
                                     "{} x",
                                     "NaN",
                                     "Infinity",
                                     "// c\n1",
                                     "[1,2",
                                     "\"open",
                                     "\xFF",
                                     "\"\xC3\"",
                                     "\"\xC0\x80\"",
                                     "\"\xED\xA0\x80\"",
                                     "\"\xF5\x80\x80\x80\"",
                                     "\xEF\xBB\xBF{}"}) {
    EXPECT_FALSE(check_json(bad, 32)) << bad;
  }
  EXPECT_FALSE(check_json(std::string_view("\"\0\"", 3), 32));
  EXPECT_FALSE(check_json(std::string_view("{}\0", 3), 32));
}

TEST(JsonText, AcceptsWhatIsJson) {
  for (const std::string_view good :
       {"{}", " [ ] ", "\t1\n", "-0", "1e400", "1E-400", "123456789012345678901234567890.5e10", "true", "null",
        "1e99999999999999999999", R"("\ud83d")", R"("\ude00\uD83D")", R"({"\udfff":"\ud800x"})", R"("\u0000")",
        R"({"a":{"b":[1,"x",null,{"c":false}]}})"}) {
    EXPECT_TRUE(check_json(good, 32)) << good;
  }
}

TEST(JsonText, LimitsTheDepthExactly) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(check_json(nested(32), 32));
  EXPECT_FALSE(check_json(nested(33), 32));
  EXPECT_FALSE(check_json(std::string(1'000'000, '['), 32));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_FALSE(check_json(objects, 32));
  EXPECT_TRUE(check_json(nested(100'000), 100'000)) << "no stack";
  // Which level is an object is known at every depth.
  for (std::size_t levels = 1; levels <= 200; ++levels) {
    std::string open;
    std::string close;
    for (std::size_t i = 0; i < levels; ++i) {
      const bool object = i % 3 == 0 || i % 7 == 2;
      open += object ? R"({"a":)" : "[";
      close.insert(close.begin(), object ? '}' : ']');
    }
    EXPECT_TRUE(check_json(open + "1" + close, levels)) << levels;
    EXPECT_FALSE(check_json(open + "1" + close, levels - 1)) << levels;
    close[levels / 2] = close[levels / 2] == '}' ? ']' : '}';
    EXPECT_FALSE(check_json(open + "1" + close, levels)) << levels;
  }
}

// `"😀".slice(0, 1)`: JSON can say it, UTF-8 cannot.
TEST(JsonText, HalfOfASurrogatePairIsReplacedWhereTheTextIsNeeded) {
  EXPECT_EQ(json_string(R"("\ud83d")"), "\uFFFD");
  EXPECT_EQ(json_string(R"("a\ude00b")"), "a\uFFFDb");
  EXPECT_EQ(json_string(R"("\ude00\ud83d")"), "\uFFFD\uFFFD");
  EXPECT_EQ(json_string(R"("\ud83d\ud83d\ude00")"), "\uFFFD😀");
  EXPECT_EQ(json_string(R"("\ud83d\n")"), "\uFFFD\n");
}

TEST(JsonText, HalfOfASurrogatePairIsKeptInDataAndGoesOutAsItCame) {
  for (const std::string_view half : {R"("\ud83d")", R"("a\ude00b")", R"("\ude00\ud83d")", R"("\ud83d😀\udfff")"}) {
    std::string again;
    append_json_string(again, json_data(half));
    EXPECT_EQ(again, half);
    std::string twice;
    append_escaped_twice(twice, json_data(half));
    std::string once;
    append_escaped(once, json_data(half));
    EXPECT_EQ(twice, escaped(once));
  }
  EXPECT_EQ(json_data(R"("\ud83d\ude00")"), "😀");
  // Korean begins with the same byte.
  for (const std::string_view korean : {"퟿", "한국어 한국어", "\uD55C\uAE00"}) EXPECT_EQ(escaped(korean), korean);
}

// A text that is JSON with such a half in one of its strings: {"x":"?"}, sent as a string.
TEST(JsonText, TextWithAHalfInItIsStillJson) {
  const auto text = json_data(R"("{\"x\":\"\ud83d\"}")");
  std::string out = "data: ";
  EXPECT_TRUE(append_if_json(out, text, 32));
  EXPECT_EQ(out, R"(data: {"x":"\ud83d"})");
  EXPECT_FALSE(append_if_json(out, json_data(R"("x \ud83d")"), 32));
  EXPECT_FALSE(append_if_json(out, "\"\xED\xA0\"", 32));
  EXPECT_EQ(out, R"(data: {"x":"\ud83d"})");
}

TEST(JsonText, IdsAreTextsOrWholeNumbers) {
  EXPECT_EQ(json_id(R"("2")"), (SaidId{"2", IdForm::text}));
  EXPECT_EQ(json_id("2"), (SaidId{"2", IdForm::number}));
  EXPECT_EQ(json_id("-12345678901234567890"), (SaidId{"-12345678901234567890", IdForm::number}));
  EXPECT_EQ(json_id("-0"), (SaidId{"0", IdForm::number}));
  EXPECT_EQ(json_id(R"("a\ud83d")"), (SaidId{"a\uFFFD", IdForm::text}));
  for (const std::string_view other : {"", "null", "true", "1.0", "1e3", "[1]", "{}"}) {
    EXPECT_FALSE(json_id(other)) << other;
  }
  std::string out;
  append_id(out, "2", IdForm::number);
  append_id(out, "a\"", IdForm::text);
  EXPECT_EQ(out, R"(2"a\"")");
}

TEST(JsonObject, HandsOutFieldsAsTheyStand) {
  JsonObject object(R"( { "a" : {"x":"}"} , "b\u0063": [1, "]"] ,"d":-1.50,"e":"\"" , "f":null} )");
  ASSERT_TRUE(object.next());
  EXPECT_TRUE(object.key_is("a"));
  EXPECT_EQ(object.value(), R"({"x":"}"})");
  ASSERT_TRUE(object.next());
  EXPECT_TRUE(object.key_is("bc"));
  EXPECT_EQ(object.value(), R"([1, "]"])");
  ASSERT_TRUE(object.next());
  EXPECT_EQ(object.value(), "-1.50");
  ASSERT_TRUE(object.next());
  EXPECT_EQ(object.value(), R"("\"")");
  ASSERT_TRUE(object.next());
  EXPECT_EQ(type_of(object.value()), JsonType::null);
  EXPECT_FALSE(object.next());
  EXPECT_FALSE(object.next());
}

TEST(JsonArray, HandsOutElements) {
  JsonArray array(R"([ 1 , "a,b" , [2,3] , {} ])");
  std::vector<std::string> values;
  while (array.next()) values.emplace_back(array.value());
  EXPECT_EQ(values, (std::vector<std::string>{"1", "\"a,b\"", "[2,3]", "{}"}));
  JsonArray empty(" [ ] ");
  EXPECT_FALSE(empty.next());
}

// On text that was never checked the readers may answer anything, but end, and stay inside.
TEST(JsonText, ReadersEndOnAnyBytes) {
  const std::string text = R"({"a":"b\"c","d":[1,{"e":2}]})";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (std::size_t start = 0; start <= cut; ++start) {
      const auto part = std::string_view(text).substr(start, cut - start);
      JsonObject object(part);
      int rounds = 0;
      while (object.next()) ASSERT_LT(++rounds, 100);
      JsonArray array(part);
      while (array.next()) ASSERT_LT(++rounds, 100);
    }
  }
}

TEST(JsonText, TellsIntegersFromNumbers) {
  EXPECT_EQ(json_integer("42"), 42);
  EXPECT_EQ(json_integer("-1"), -1);
  EXPECT_FALSE(json_integer("1.0"));
  EXPECT_FALSE(json_integer("1e3"));
  EXPECT_FALSE(json_integer("99999999999999999999"));
  EXPECT_FALSE(json_integer("\"1\""));
  EXPECT_TRUE(is_json_integer("99999999999999999999"));
  EXPECT_FALSE(is_json_integer("-"));
}

}  // namespace
}  // namespace parley
