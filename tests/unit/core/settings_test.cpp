#include "core/settings.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Pattern, StarIsAnyRunOfCharacters) {
  EXPECT_TRUE(pattern_matches("domain.*", "domain.7"));
  EXPECT_TRUE(pattern_matches("domain.*", "domain."));
  EXPECT_FALSE(pattern_matches("domain.*", "domain"));
  EXPECT_FALSE(pattern_matches("domain.*", "xdomain.7"));
  EXPECT_TRUE(pattern_matches("*", ""));
  EXPECT_TRUE(pattern_matches("*", "anything"));
  EXPECT_TRUE(pattern_matches("**", "x"));
  EXPECT_TRUE(pattern_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(pattern_matches("a*b*c", "a-c-b"));
  EXPECT_TRUE(pattern_matches("*.log", "a.log.log"));
  EXPECT_TRUE(pattern_matches("exact", "exact"));
  EXPECT_FALSE(pattern_matches("exact", "exactly"));
  EXPECT_TRUE(pattern_matches("", ""));
  EXPECT_FALSE(pattern_matches("", "x"));
}

// A pattern of a few dozen stars against a long name would run for years if it backtracked naively.
TEST(Pattern, NoPatternIsSlow) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(pattern_matches(pattern + "b", std::string(10'000, 'a')));
}

Settings with_rules(std::vector<ChannelRule> rules) {
  Settings settings;
  settings.rules = std::move(rules);
  return settings;
}

TEST(RuleFor, DefaultsKeepDomainsUsersAndAdminsInAllWireForms) {
  const auto settings = with_rules(default_rules());
  for (const char* name : {"domain.1", "private-domain.1", "presence-domain.1", "private-encrypted-domain.1",
                           "cache-domain.1", "presence-cache-user.1", "private-admin.x", "#server-to-user-42"}) {
    EXPECT_EQ(settings.rule_for(name).durability, Durability::quorum) << name;
  }
  for (const char* name : {"lobby", "private-lobby", "domain", "presence-x.domain.1", "users.1"}) {
    EXPECT_EQ(settings.rule_for(name).durability, Durability::none) << name;
  }
}

TEST(RuleFor, TheFirstMatchDecides) {
  const auto settings = with_rules({{.match = "domain.secret", .durability = Durability::none},
                                    {.match = "domain.*", .durability = Durability::async}});
  EXPECT_EQ(settings.rule_for("private-domain.secret").durability, Durability::none);
  EXPECT_EQ(settings.rule_for("private-domain.other").durability, Durability::async);
}

TEST(RuleFor, APatternWithAPrefixMatchesWholeNames) {
  const auto settings = with_rules({{.match = "presence-*", .durability = Durability::quorum}});
  EXPECT_EQ(settings.rule_for("presence-x").durability, Durability::quorum);
  EXPECT_EQ(settings.rule_for("private-x").durability, Durability::none);
}

TEST(Settings, AppsAreFoundByKeyAndById) {
  Settings settings;
  settings.apps = {App{.id = "1", .key = "one"}, App{.id = "2", .key = "two"}};
  ASSERT_NE(settings.app_by_key("two"), nullptr);
  EXPECT_EQ(settings.app_by_key("two")->id, "2");
  EXPECT_EQ(settings.app_by_id("1")->key, "one");
  EXPECT_EQ(settings.app_by_key(""), nullptr);
  EXPECT_EQ(settings.app_by_id("one"), nullptr);
}

TEST(SettingsSource, AReaderKeepsTheOldValueUntilItAsksAgain) {
  auto first = std::make_shared<Settings>();
  first->shard_count = 1;
  SettingsSource source(first);
  const auto held = source.current();
  auto second = std::make_shared<Settings>();
  second->shard_count = 2;
  source.replace(second);
  EXPECT_EQ(held->shard_count, 1);
  EXPECT_EQ(source.current()->shard_count, 2);
}

}  // namespace
}  // namespace parley
