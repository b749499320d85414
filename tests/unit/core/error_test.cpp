#include "core/error.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace parley {
namespace {

TEST(ErrorTable, HasOneRowForEachCodeInTheirOrder) {
  ASSERT_EQ(all_errors().size(), static_cast<std::size_t>(Errc::kCount));
  for (std::size_t i = 0; i < all_errors().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_errors()[i].code), i);
    EXPECT_EQ(info(static_cast<Errc>(i)).name, all_errors()[i].name);
  }
}

TEST(ErrorTable, NamesAreUniqueSnakeCaseLabels) {
  std::set<std::string_view> names;
  for (const auto& row : all_errors()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << row.name;
  }
}

TEST(ErrorTable, EachRowHelpsWhoMeetsIt) {
  for (const auto& row : all_errors()) {
    EXPECT_FALSE(row.sentence.empty()) << row.name;
    EXPECT_FALSE(row.remedy.empty()) << row.name;
    EXPECT_TRUE(row.http_status >= 400 && row.http_status <= 599) << row.name;
    // What stock clients do depends on the hundred: 40xx give up, 41xx back off, 42xx return, 43xx no close.
    EXPECT_TRUE(row.pusher_code == 0 || (row.pusher_code >= 4000 && row.pusher_code < 4400)) << row.name;
  }
}

TEST(MakeError, TakesTheTablesSentence) {
  EXPECT_EQ(make_error(Errc::unknown_app).message, info(Errc::unknown_app).sentence);
  EXPECT_EQ(make_error(Errc::unknown_app, "other").message, "other");
}

// docs/errors.md is what people find when they search for a code: one row each, and no other.
TEST(ErrorTable, IsWhatTheDocumentationSays) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs/errors.md";
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  ASSERT_EQ(rows.size(), all_errors().size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = all_errors()[i];
    const auto code = row.pusher_code == 0 ? std::string("–") : std::to_string(row.pusher_code);
    EXPECT_EQ(rows[i],
              fmt::format("| `{}` | {} | {} | {} | {} |", row.name, code, row.http_status, row.sentence, row.remedy));
  }
}

}  // namespace
}  // namespace parley
