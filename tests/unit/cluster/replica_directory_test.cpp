#include "cluster/replica_directory.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

TEST(ReplicaDirectory, KnowsWhereReplicasAreAndForgetsWhoIsNoMember) {
  ReplicaDirectory directory;
  directory.place(ReplicaId{7}, NodeId{1});
  directory.place(ReplicaId{8}, NodeId{2});
  directory.place(ReplicaId{9}, NodeId{~0ULL});
  const auto read = ReplicaDirectory::parse(directory.text());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->places(), directory.places());
  EXPECT_EQ(read->node_of(ReplicaId{9}), NodeId{~0ULL});
  EXPECT_EQ(read->node_of(ReplicaId{1}), std::nullopt);
  RaftMembership members;
  members.voters = {ReplicaId{7}};
  members.learners = {ReplicaId{9}};
  directory.keep(members);
  EXPECT_EQ(directory.node_of(ReplicaId{8}), std::nullopt);
  EXPECT_EQ(directory.places().size(), 2U);
}

TEST(ReplicaDirectory, IsRefusedWhereItCannotBeRead) {
  EXPECT_TRUE(ReplicaDirectory::parse("")->places().empty());
  for (const auto bytes : {1U, 8U, 15U, 17U}) {
    EXPECT_EQ(ReplicaDirectory::parse(std::string(bytes, 'x')).error().code, Errc::corrupt) << bytes;
  }
}

}  // namespace
}  // namespace parley::cluster
