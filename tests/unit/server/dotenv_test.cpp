#include "server/config/dotenv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Dotenv, NamesAndValuesAsLaravelWritesThem) {
  const auto read = parse_dotenv(
      "\xEF\xBB\xBF# a comment\n"
      "\n"
      "PLAIN=word\r\n"
      "  SPACED = two words  \n"
      "export EXPORTED=1\n"
      "COMMENTED=value # why\n"
      "HASH=a#b\n"
      "EMPTY=\n"
      "ONLY_COMMENT= # nothing\n"
      "SINGLE='as $it \"is\" ${PLAIN} #'\n"
      "DOUBLE=\"a \\\"b\\\" \\\\ \\$ # ${PLAIN}\\n\" # and more\n"
      "FILLED=${PLAIN}-${OUTSIDE}-${NOWHERE}\n"
      "PLAIN=again",
      {{"OUTSIDE", "out"}});
  EXPECT_THAT(read.bad_lines, IsEmpty());
  EXPECT_THAT(read.values, ElementsAre(Pair("COMMENTED", "value"), Pair("DOUBLE", "a \"b\" \\ $ # word\n"),
                                       Pair("EMPTY", ""), Pair("EXPORTED", "1"), Pair("FILLED", "word-out-"),
                                       Pair("HASH", "a#b"), Pair("ONLY_COMMENT", ""), Pair("PLAIN", "again"),
                                       Pair("SINGLE", "as $it \"is\" ${PLAIN} #"), Pair("SPACED", "two words")));
}

TEST(Dotenv, ValuesBetweenDoubleQuotesGoOnOverLines) {
  const auto read = parse_dotenv("KEY=\"one\ntwo\nthree\"\nNEXT=1\n", {});
  EXPECT_THAT(read.values, ElementsAre(Pair("KEY", "one\ntwo\nthree"), Pair("NEXT", "1")));
}

TEST(Dotenv, ALineThatIsNoneCostsItselfOnly) {
  const auto read = parse_dotenv("ONE=1\nno equals\n=2\nTHREE='open\nA B=3\nFOUR=\"open\nFIVE=5\n", {});
  EXPECT_THAT(read.values, ElementsAre(Pair("FIVE", "5"), Pair("ONE", "1")));
  EXPECT_THAT(read.bad_lines, ElementsAre(2, 3, 4, 5, 6));
}

TEST(Dotenv, AnyBytesAreRead) {
  std::string text;
  for (int i = 0; i < 256; ++i) text += std::string("A") + static_cast<char>(i) + "=\"${" + static_cast<char>(i);
  parse_dotenv(text, {});
  parse_dotenv("A=${", {});
  parse_dotenv("A=\"\\", {});
  parse_dotenv("A='", {});
  parse_dotenv("=", {});
}

}  // namespace
}  // namespace parley::server
