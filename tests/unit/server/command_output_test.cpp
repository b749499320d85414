// What reaches the operator's terminal, and what an operator may write for a time.

#include "server/commands/command_output.h"

#include "server/commands/admin_commands.h"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

TEST(Printable, ControlCharactersOfStrangersAreShownNotSent) {
  EXPECT_EQ(printable("plain, ä and 😀"), "plain, ä and 😀");
  EXPECT_EQ(printable("\x1b[2J\r\n\x7f"), "\\x1b[2J\\x0d\\x0a\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\x9b2J")
      << "a control character of two bytes";
  EXPECT_EQ(printable("\xC2\xA0|\xC2"), "\xC2\xA0|\xC2");
}

TEST(Table, ColumnsAreAsWideAsTheirLongestCell) {
  Table table({"USER", "STATUS"});
  EXPECT_EQ(table.size(), 0U);
  table.add({"äöü", "online"});
  table.add({"a-long-name", ""});
  table.add({"x\ny", "away"});
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.text(),
            "USER         STATUS\n"
            "äöü          online\n"
            "a-long-name\n"
            "x\\x0ay       away\n");
}

TEST(Table, ALongCellIsCutBetweenCharacters) {
  Table table({"A"});
  std::string long_text;
  for (int i = 0; i < 100; ++i) long_text += "ä";
  table.add({long_text});
  std::string wanted = "A\n";
  for (int i = 0; i < 59; ++i) wanted += "ä";
  EXPECT_EQ(table.text(), wanted + "…\n");
}

TEST(Until, TakesTimesPeopleWrite) {
  EXPECT_EQ(*parse_time_ms("2026-01-31T12:00:00Z"), 1'769'860'800'000);
  EXPECT_EQ(*parse_time_ms("2026-01-31T12:00Z"), 1'769'860'800'000);
  EXPECT_EQ(*parse_time_ms("2026-01-31"), 1'769'817'600'000);
  EXPECT_EQ(*parse_time_ms("1769860800000"), 1'769'860'800'000);
  for (const auto* text :
       {"", "tomorrow", "2026-13-01", "2026-01-31T12:00:00", "2026-01-31 x", "-5", "99999999999999999999"}) {
    EXPECT_FALSE(parse_time_ms(text)) << text;
  }
}

}  // namespace
}  // namespace parley::server
