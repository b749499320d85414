// docs/openapi.yaml and the tables of routes say the same. Reads the document by its lines: it is written
// with paths at two spaces and methods at four.

#include "net/rest/admin.h"
#include "net/rest/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace parley::net {
namespace {

std::vector<std::string> document() {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../../docs/openapi.yaml";
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::set<std::string> described() {
  std::set<std::string> found;
  std::string path;
  bool in_paths = false;
  const std::regex path_line("^  (/[^ ]*):$");
  const std::regex method_line("^    (get|put|post|delete|patch|head|options):$");
  for (const auto& line : document()) {
    std::smatch match;
    if (!line.empty() && line.front() != ' ') in_paths = line == "paths:";
    if (!in_paths) continue;
    if (std::regex_match(line, match, path_line)) path = match[1];
    if (std::regex_match(line, match, method_line)) {
      auto method = match[1].str();
      for (auto& c : method) c = static_cast<char>(c - 'a' + 'A');
      EXPECT_TRUE(found.insert(method + " " + path).second) << line << " of " << path << " stands there twice";
    }
  }
  return found;
}

TEST(OpenApi, DescribesEveryRouteAndNothingElse) {
  std::set<std::string> served;
  for (const auto& rows : {RestApi::route_table(), AdminApi::route_table()}) {
    for (const auto& row : rows) EXPECT_TRUE(served.insert(row.method + " " + row.path).second) << row.path;
  }
  EXPECT_GT(served.size(), 20U);
  EXPECT_THAT(described(), testing::ContainerEq(served));
}

// Each operation has a name of its own, an answer with an example, and says what a wrong key gets, and many of them.
TEST(OpenApi, OperationsAreComplete) {
  std::set<std::string> ids;
  std::size_t operations = 0;
  std::size_t refusals = 0;
  std::size_t throttles = 0;
  for (const auto& line : document()) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("^      operationId: (\\w+)$"))) {
      EXPECT_TRUE(ids.insert(match[1]).second) << line;
    }
    operations += line.starts_with("        '200':") ? 1 : 0;
    refusals += line.starts_with("        '401':") ? 1 : 0;
    throttles += line.starts_with("        '429':") ? 1 : 0;
  }
  EXPECT_EQ(ids.size(), described().size());
  EXPECT_EQ(operations, ids.size());
  EXPECT_EQ(refusals, ids.size());
  EXPECT_EQ(throttles, ids.size());
}

TEST(OpenApi, ReferencesLeadSomewhere) {
  std::set<std::string> defined;
  std::set<std::string> used;
  std::string kind;
  bool in_components = false;
  for (const auto& line : document()) {
    std::smatch match;
    if (!line.empty() && line.front() != ' ') in_components = line == "components:";
    if (in_components && std::regex_match(line, match, std::regex("^  (\\w+):$"))) kind = match[1];
    if (in_components && std::regex_search(line, match, std::regex("^    (\\w+):"))) {
      defined.insert("#/components/" + kind + "/" + match[1].str());
    }
    const std::regex reference("'(#/components/[^']+)'");
    for (auto at = std::sregex_iterator(line.begin(), line.end(), reference); at != std::sregex_iterator(); ++at) {
      used.insert((*at)[1]);
    }
  }
  EXPECT_GT(used.size(), 30U);
  for (const auto& one : used) EXPECT_TRUE(defined.contains(one)) << one << " is not there";
  for (const auto& one : defined) {
    const bool by_name = one.starts_with("#/components/securitySchemes/");  // named by `security`, not by a reference
    EXPECT_TRUE(by_name || used.contains(one)) << one << " is not used";
  }
}

}  // namespace
}  // namespace parley::net
