// Pages of a domain's members: whoever asks, and for however many.
#include "cluster/reads/people_reader.h"
#include "core/command.h"
#include "schemas/codec.h"
#include "storage/keys.h"
#include "storage/memory_store.h"

#include <gtest/gtest.h>

#include <limits>

namespace parley::cluster {
namespace {

struct PeopleReaderTest : ::testing::Test {
  PeopleReaderTest() {
    storage::WriteBatch batch;
    const auto domain = domain_place("a", "7");
    for (const auto* id : {"ann", "bob", "cy"}) {
      const auto place = user_place({"a", id});
      batch.put(storage::Family::state, storage::keys::user(shard_of(place, 4), place),
                schemas::encode_user(UserRecord{.domains = {"7"}}));
      batch.put(storage::Family::state, storage::keys::member(shard_of(domain, 4), domain, id), {});
    }
    EXPECT_TRUE(store.write(batch, storage::Sync::no).ok());
  }
  // "ann bob, then bob": who is on the page, and after whom the next one begins.
  std::string page(std::size_t limit, std::string after = {}) {
    const auto found = PeopleReader(store, 4).list_domain({"a", "7", std::move(after), limit, {}});
    if (!found) return found.error().message;
    std::string text;
    for (const auto& about : found->users) text += (text.empty() ? "" : " ") + about.user.id;
    return found->next.empty() ? text : text + ", then " + found->next;
  }
  storage::MemoryStore store;
};

TEST_F(PeopleReaderTest, ADomainIsReadPageByPage) {
  EXPECT_EQ(page(2), "ann bob, then bob");
  EXPECT_EQ(page(2, "bob"), "cy");
  EXPECT_EQ(page(3), "ann bob cy");
}

// Another node may ask anything: HTTP and clients have their bounds before.
TEST_F(PeopleReaderTest, APageOfNobodyHasOneAndOneOfAllHasAnEnd) {
  EXPECT_EQ(page(0), "ann, then ann");
  EXPECT_EQ(page(std::numeric_limits<std::size_t>::max()), "ann bob cy");
}

}  // namespace
}  // namespace parley::cluster
